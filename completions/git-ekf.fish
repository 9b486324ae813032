# Completion in fish: of `git-ekf`, and of `git ekf` by way of fish's own completion of git, which asks for git-ekf.
# Options and commands stand in the lists below. What only the repository knows is asked of `git-ekf complete`.

# Whether the line is at a command. 1: the command, 2: the argument to come, as 1, or 2+ for the second and all behind it
function __git_ekf_at -a command position
    __git_ekf_read
    test "$command" = "$__git_ekf_command"
    or return
    switch "$position"
        case ''
            return 0
        case '*+'
            test $__git_ekf_position -ge (string trim -r -c + -- $position)
        case '*'
            test $__git_ekf_position -eq $position
    end
end

# The command so far, and the number of the argument to come. fish asks a hundred times a line: it is read once.
function __git_ekf_read
    set -l words (commandline -opc)
    test "$words" = "$__git_ekf_words"
    and set -q __git_ekf_command
    and return
    set -g __git_ekf_words $words
    set -g __git_ekf_command ''
    set -g __git_ekf_position 1
    set -e words[1]
    set -l value
    set -l only_arguments
    for word in $words
        if set -q value[1]
            set -e value
        else if set -q only_arguments[1]
            set __git_ekf_position (math $__git_ekf_position + 1)
        else if test "$word" = --
            set only_arguments yes
        else if string match -q -- '-*' $word
            contains -- "$__git_ekf_command $word" $__git_ekf_valued
            and set value yes
        else if contains -- "$__git_ekf_command" $__git_ekf_groups
            set __git_ekf_command (string trim -- "$__git_ekf_command $word")
        else
            set __git_ekf_position (math $__git_ekf_position + 1)
        end
    end
end

# What git-ekf knows of a kind.
function __git_ekf_ask -a kind
    set -l word (commandline -ct | string replace -r -- '^--[^=]*=' '' | string unescape)
    set -l words (commandline -opc)
    command git-ekf complete $kind "$word" $words[2..-1] 2>/dev/null </dev/null
end

# --- from here on: written by `python packaging/completions.py` ---
set -g __git_ekf_groups '' 'bundle' 'hooks'
set -g __git_ekf_valued 'clone --internal' 'clone --release' 'init --primary' 'init --internal' 'init --release' 'check --format' 'images --new-since' 'images --write' 'apply -m' 'apply --message' 'apply --field' 'tag -m' 'tag --message' 'tag -F' 'tag --file' 'tag --field' 'tag --date' 'adopt -m' 'adopt --message' 'adopt --field' 'log -n' 'log --max-count' 'log --release' 'log --since' 'report -o' 'report --output' 'sync --prefer' 'sync --drop' 'sync --verify' 'upgrade --prefer' 'upgrade --drop' 'upgrade --verify' 'mirror --release' 'mirror --accept' 'bundle create --from' 'bundle create --release' 'bundle create --receipt' 'bundle create --sign' 'bundle verify --allowed-signers' 'bundle apply --accept' 'bundle apply --allowed-signers' 'bundle apply --receipt'
complete -c git-ekf -f
complete -c git-ekf -n '__git_ekf_at \'\'' -a clone -d 'Build the local repository from nothing, or restore it from the internal one.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a init -d 'Set up an existing clone; safe to run again at any time.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a status -d 'Show where things stand, and the command that moves each line on.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a releases -d 'List the vendor\'s release channels in version order.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a check -d 'Apply every policy rule; exit with 1 when one is broken.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a diff -d 'Show what changed between two deploy records.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a images -d 'List the images that the built manifests use, one a line.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a apply -d 'Run the deploy tool on a clean tree, path by path; with -m, record it.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a drift -d 'Show where the live cluster differs from its deploy record.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a tag -d 'Write the deploy record for HEAD, all fields filled in.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a adopt -d 'Complete older deploy records: a new one stands for each, and carries its time.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a log -d 'List the deploy records, newest first.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a show -d 'Show a deploy record in full, with the commits since the one before.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a report -d 'Write a page of HTML about the cluster\'s deployments and upgrades.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a save -d 'Push release branch and deploy records to the internal repository, and verify.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a pull -d 'Take what internal has and this clone lacks, your unsaved commits on top of it.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a rollback -d 'Bring the configuration back to a deploy record, keeping history linear.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a sync -d 'Put the configuration commits on the newest commit of their channel.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a upgrade -d 'Carry the configuration commits to the next release channel.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a undo -d 'Take back the last pull, sync, upgrade, rollback or tag.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a mirror -d 'Mirror the vendor\'s channels and tags for a site that cannot reach them.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a bundle -d 'Carry the vendor\'s channels across an air gap in one file.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a hooks -d 'Install, remove or look at the hooks, on a server too.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a trust -d 'Allow the commands that the tracked configuration names to run.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a man -d 'Show a page of the manual, or put the pages where man looks.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a config -d 'Show every key of the configuration, its value, and where that is from.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a doctor -d 'Check machine and repository, each finding with its fix.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a completion -d 'Print the script that completes git ekf in a shell.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a demo -d 'Walk the whole flow in a sandbox, printing each command.'
complete -c git-ekf -n '__git_ekf_at \'\'' -a help -d 'Show a page of the manual, or put the pages where man looks.'
complete -c git-ekf -n '__git_ekf_at \'\'' -l version -d 'Print the version.'
complete -c git-ekf -n '__git_ekf_at \'\'' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at clone' -l internal -r -F -k -a '(__git_ekf_ask remotes)' -d 'The cluster\'s own repository.'
complete -c git-ekf -n '__git_ekf_at clone' -l release -x -k -a '(__git_ekf_ask published)' -d 'The release to work on.'
complete -c git-ekf -n '__git_ekf_at clone' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at clone 1' -k -a '(__fish_complete_directories)'
complete -c git-ekf -n '__git_ekf_at clone 2' -k -a '(__fish_complete_directories)'
complete -c git-ekf -n '__git_ekf_at init' -l primary -r -F -k -a '(__git_ekf_ask remotes)' -d 'The vendor\'s repository, or your mirror of it.'
complete -c git-ekf -n '__git_ekf_at init' -l internal -r -F -k -a '(__git_ekf_ask remotes)' -d 'The cluster\'s own repository.'
complete -c git-ekf -n '__git_ekf_at init' -l release -x -k -a '(__git_ekf_ask channels)' -d 'The release to work on.'
complete -c git-ekf -n '__git_ekf_at init' -l yes -s y -d 'Agree to every question.'
complete -c git-ekf -n '__git_ekf_at init' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at status' -l json -d 'Print one JSON document.'
complete -c git-ekf -n '__git_ekf_at status' -l prompt -d 'Print a few words for the shell\'s prompt, or nothing; never an error.'
complete -c git-ekf -n '__git_ekf_at status' -l fetch -d 'Ask both repositories first what they have now.'
complete -c git-ekf -n '__git_ekf_at status' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at releases' -l forecast -d 'Add what an upgrade to each newer channel would do.'
complete -c git-ekf -n '__git_ekf_at releases' -l json -d 'Print one JSON document.'
complete -c git-ekf -n '__git_ekf_at releases' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at check' -l staged -d 'Judge the commit that the index would make.'
complete -c git-ekf -n '__git_ekf_at check' -l all -d 'Judge every local branch, not only the one checked out.'
complete -c git-ekf -n '__git_ekf_at check' -l build -d 'Build HEAD as well, to judge whence its images come.'
complete -c git-ekf -n '__git_ekf_at check' -l format -x -a 'text json sarif github' -d 'How to print findings.'
complete -c git-ekf -n '__git_ekf_at check' -l json -d 'Print one JSON document.'
complete -c git-ekf -n '__git_ekf_at check' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at check 1+' -F -k -a '(__git_ekf_ask revisions)'
complete -c git-ekf -n '__git_ekf_at diff' -l stat -d 'Show only how much changed, not what.'
complete -c git-ekf -n '__git_ekf_at diff' -l rendered -d 'Compare the built manifests, resource by resource.'
complete -c git-ekf -n '__git_ekf_at diff' -l json -d 'Print one JSON document.'
complete -c git-ekf -n '__git_ekf_at diff' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at diff 1' -F -k -a '(__git_ekf_ask revisions)'
complete -c git-ekf -n '__git_ekf_at diff 2' -F -k -a '(__git_ekf_ask revisions)'
complete -c git-ekf -n '__git_ekf_at diff 3+' -F -k -a '(__git_ekf_ask paths)'
complete -c git-ekf -n '__git_ekf_at images' -l new-since -r -F -k -a '(__git_ekf_ask revisions)' -d 'Only the images that this one lacks.'
complete -c git-ekf -n '__git_ekf_at images' -l write -r -F -k -a '(__git_ekf_ask paths)' -d 'Write the entries to this kustomization that take them from images.registry.'
complete -c git-ekf -n '__git_ekf_at images' -l json -d 'Print one JSON document.'
complete -c git-ekf -n '__git_ekf_at images' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at images 1' -F -k -a '(__git_ekf_ask revisions)'
complete -c git-ekf -n '__git_ekf_at images 2+' -F -k -a '(__git_ekf_ask paths)'
complete -c git-ekf -n '__git_ekf_at apply' -s m -l message -x -d 'What was deployed and why; again for a new paragraph.'
complete -c git-ekf -n '__git_ekf_at apply' -l field -x -d 'A further field of the record.'
complete -c git-ekf -n '__git_ekf_at apply' -l keep-going -d 'After a failure, go on with the next path.'
complete -c git-ekf -n '__git_ekf_at apply' -l drift -d 'First look what was changed in the cluster, and ask.'
complete -c git-ekf -n '__git_ekf_at apply' -l yes -s y -d 'Agree to every question.'
complete -c git-ekf -n '__git_ekf_at apply' -s n -l dry-run -d 'Print the commands, and run none.'
complete -c git-ekf -n '__git_ekf_at apply' -l no-fetch -d 'Go by what is known here, without asking internal.'
complete -c git-ekf -n '__git_ekf_at apply' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at apply 1+' -F -k -a '(__git_ekf_ask paths)'
complete -c git-ekf -n '__git_ekf_at drift' -s p -l patch -d 'Show also how each resource differs.'
complete -c git-ekf -n '__git_ekf_at drift' -l json -d 'Print one JSON document.'
complete -c git-ekf -n '__git_ekf_at drift' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at drift 1+' -F -k -a '(__git_ekf_ask paths)'
complete -c git-ekf -n '__git_ekf_at tag' -s m -l message -x -d 'What was deployed and why; again for a new paragraph.'
complete -c git-ekf -n '__git_ekf_at tag' -s F -l file -r -F -d 'Read the context from a file; - is standard input.'
complete -c git-ekf -n '__git_ekf_at tag' -l field -x -d 'A further field of the record.'
complete -c git-ekf -n '__git_ekf_at tag' -l date -x -d 'The day of the deployment, for a late record.'
complete -c git-ekf -n '__git_ekf_at tag' -s s -l sign -d 'Sign the record, as git tag -s does.'
complete -c git-ekf -n '__git_ekf_at tag' -l no-fetch -d 'Go by what is known here, without asking internal.'
complete -c git-ekf -n '__git_ekf_at tag' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at adopt' -s m -l message -x -d 'What was deployed and why; again for a new paragraph.'
complete -c git-ekf -n '__git_ekf_at adopt' -l field -x -d 'A further field of the record.'
complete -c git-ekf -n '__git_ekf_at adopt' -s s -l sign -d 'Sign the records, as git tag -s does.'
complete -c git-ekf -n '__git_ekf_at adopt' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at adopt 1+' -k -a '(__git_ekf_ask records)'
complete -c git-ekf -n '__git_ekf_at log' -s n -l max-count -x -d 'Show at most so many.'
complete -c git-ekf -n '__git_ekf_at log' -l release -x -k -a '(__git_ekf_ask channels)' -d 'The release to work on.'
complete -c git-ekf -n '__git_ekf_at log' -l since -x -d 'Only records of that day and later.'
complete -c git-ekf -n '__git_ekf_at log' -l json -d 'Print one JSON document.'
complete -c git-ekf -n '__git_ekf_at log' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at show' -l json -d 'Print one JSON document.'
complete -c git-ekf -n '__git_ekf_at show' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at show 1' -k -a '(__git_ekf_ask records)'
complete -c git-ekf -n '__git_ekf_at report' -s o -l output -r -F -d 'Where to write the page; - prints it.'
complete -c git-ekf -n '__git_ekf_at report' -l fetch -d 'Ask both repositories first what they have now.'
complete -c git-ekf -n '__git_ekf_at report' -l json -d 'Print one JSON document.'
complete -c git-ekf -n '__git_ekf_at report' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at save' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at pull' -l plan -s n -d 'Say what would become of each commit, and change nothing.'
complete -c git-ekf -n '__git_ekf_at pull' -l json -d 'Print the plan as one JSON document, and change nothing.'
complete -c git-ekf -n '__git_ekf_at pull' -l continue -d 'Go on after conflicts were resolved.'
complete -c git-ekf -n '__git_ekf_at pull' -l skip -d 'Go on without the commit it stopped at.'
complete -c git-ekf -n '__git_ekf_at pull' -l abort -d 'Go back to where it began.'
complete -c git-ekf -n '__git_ekf_at pull' -l no-fetch -d 'Go by what is known here, without asking either repository.'
complete -c git-ekf -n '__git_ekf_at pull' -l switch -d 'Go to the release that the cluster runs.'
complete -c git-ekf -n '__git_ekf_at pull' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at rollback' -s n -l dry-run -d 'Say what would change, and change nothing.'
complete -c git-ekf -n '__git_ekf_at rollback' -l json -d 'Print the plan as one JSON document, and change nothing.'
complete -c git-ekf -n '__git_ekf_at rollback' -l exact -d 'Take exactly the record\'s files, with the vendor\'s of that time.'
complete -c git-ekf -n '__git_ekf_at rollback' -l continue -d 'Go on after conflicts were resolved.'
complete -c git-ekf -n '__git_ekf_at rollback' -l abort -d 'Go back to where it began.'
complete -c git-ekf -n '__git_ekf_at rollback' -l no-fetch -d 'Go by what is known here, without asking internal.'
complete -c git-ekf -n '__git_ekf_at rollback' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at rollback 1' -k -a '(__git_ekf_ask records)'
complete -c git-ekf -n '__git_ekf_at sync' -l plan -s n -d 'Say what would become of each commit, and change nothing.'
complete -c git-ekf -n '__git_ekf_at sync' -l json -d 'Print the plan as one JSON document, and change nothing.'
complete -c git-ekf -n '__git_ekf_at sync' -l continue -d 'Go on after conflicts were resolved.'
complete -c git-ekf -n '__git_ekf_at sync' -l skip -d 'Go on without the commit it stopped at.'
complete -c git-ekf -n '__git_ekf_at sync' -l abort -d 'Go back to where it began.'
complete -c git-ekf -n '__git_ekf_at sync' -l prefer -x -a 'local vendor' -d 'Settle conflicts in files: local or vendor; again for more.'
complete -c git-ekf -n '__git_ekf_at sync' -l drop -x -a 'superseded' -d 'Leave out the commits that would conflict and that the vendor has already.'
complete -c git-ekf -n '__git_ekf_at sync' -l flatten -d 'Make one line of a history with merges, along first parents.'
complete -c git-ekf -n '__git_ekf_at sync' -l no-fetch -d 'Go by what is known here, without asking either repository.'
complete -c git-ekf -n '__git_ekf_at sync' -l no-save-check -d 'Also where the branch is not saved to the internal repository.'
complete -c git-ekf -n '__git_ekf_at sync' -l verify -x -k -a '(__fish_complete_command)' -d 'Run a check of your own afterwards; when it fails, exit with 1.'
complete -c git-ekf -n '__git_ekf_at sync' -l no-build -d 'Do not build the kustomizations afterwards.'
complete -c git-ekf -n '__git_ekf_at sync' -l build -d 'Build both releases too, and say what becomes of fields and images.'
complete -c git-ekf -n '__git_ekf_at sync' -l range-diff -d 'Show the commits before and after, as git range-diff does.'
complete -c git-ekf -n '__git_ekf_at sync' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at upgrade' -l plan -s n -d 'Say what would become of each commit, and change nothing.'
complete -c git-ekf -n '__git_ekf_at upgrade' -l json -d 'Print the plan as one JSON document, and change nothing.'
complete -c git-ekf -n '__git_ekf_at upgrade' -l continue -d 'Go on after conflicts were resolved.'
complete -c git-ekf -n '__git_ekf_at upgrade' -l skip -d 'Go on without the commit it stopped at.'
complete -c git-ekf -n '__git_ekf_at upgrade' -l abort -d 'Go back to where it began.'
complete -c git-ekf -n '__git_ekf_at upgrade' -l prefer -x -a 'local vendor' -d 'Settle conflicts in files: local or vendor; again for more.'
complete -c git-ekf -n '__git_ekf_at upgrade' -l drop -x -a 'superseded' -d 'Leave out the commits that would conflict and that the vendor has already.'
complete -c git-ekf -n '__git_ekf_at upgrade' -l flatten -d 'Make one line of a history with merges, along first parents.'
complete -c git-ekf -n '__git_ekf_at upgrade' -l no-fetch -d 'Go by what is known here, without asking either repository.'
complete -c git-ekf -n '__git_ekf_at upgrade' -l no-save-check -d 'Also where the branch is not saved to the internal repository.'
complete -c git-ekf -n '__git_ekf_at upgrade' -l verify -x -k -a '(__fish_complete_command)' -d 'Run a check of your own afterwards; when it fails, exit with 1.'
complete -c git-ekf -n '__git_ekf_at upgrade' -l no-build -d 'Do not build the kustomizations afterwards.'
complete -c git-ekf -n '__git_ekf_at upgrade' -l build -d 'Build both releases too, and say what becomes of fields and images.'
complete -c git-ekf -n '__git_ekf_at upgrade' -l range-diff -d 'Show the commits before and after, as git range-diff does.'
complete -c git-ekf -n '__git_ekf_at upgrade' -l migrate-squash -d 'Migrate only the final state, and carry the configuration over as one commit.'
complete -c git-ekf -n '__git_ekf_at upgrade' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at upgrade 1' -k -a '(__git_ekf_ask newer)'
complete -c git-ekf -n '__git_ekf_at undo' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at mirror' -l release -x -k -a '(__git_ekf_ask channels)' -d 'Mirror this release, not all; may be repeated.'
complete -c git-ekf -n '__git_ekf_at mirror' -l accept -x -d 'Follow where NAME was rewritten or withdrawn; may be repeated.'
complete -c git-ekf -n '__git_ekf_at mirror' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at mirror 1' -k -a '(__fish_complete_directories)'
complete -c git-ekf -n '__git_ekf_at mirror 2' -k -a '(__fish_complete_directories)'
complete -c git-ekf -n '__git_ekf_at bundle' -a create -d 'Write a bundle: everything, or what is new since a receipt.'
complete -c git-ekf -n '__git_ekf_at bundle' -a verify -d 'Check a bundle, without a repository, and show what is in it.'
complete -c git-ekf -n '__git_ekf_at bundle' -a apply -d 'Bring what a bundle carries into a mirror: all of it, or nothing.'
complete -c git-ekf -n '__git_ekf_at bundle' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at \'bundle create\'' -l from -x -k -a '(__fish_complete_directories)' -d 'The repository to take them from; by default the one here.'
complete -c git-ekf -n '__git_ekf_at \'bundle create\'' -l release -x -k -a '(__git_ekf_ask channels)' -d 'Carry this release, not all; may be repeated.'
complete -c git-ekf -n '__git_ekf_at \'bundle create\'' -l receipt -r -F -d 'Leave out what the other side has, by the receipt it gave.'
complete -c git-ekf -n '__git_ekf_at \'bundle create\'' -l sign -r -F -d 'Sign it: the file of an ssh key, or the name of a gpg key.'
complete -c git-ekf -n '__git_ekf_at \'bundle create\'' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at \'bundle create\' 1' -F
complete -c git-ekf -n '__git_ekf_at \'bundle verify\'' -l allowed-signers -r -F -d 'Take only what one of the signers in this file has signed.'
complete -c git-ekf -n '__git_ekf_at \'bundle verify\'' -l json -d 'Print one JSON document.'
complete -c git-ekf -n '__git_ekf_at \'bundle verify\'' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at \'bundle verify\' 1' -F
complete -c git-ekf -n '__git_ekf_at \'bundle apply\'' -l accept -x -d 'Follow where NAME was rewritten or withdrawn; may be repeated.'
complete -c git-ekf -n '__git_ekf_at \'bundle apply\'' -l allowed-signers -r -F -d 'Take only what one of the signers in this file has signed.'
complete -c git-ekf -n '__git_ekf_at \'bundle apply\'' -l receipt -r -F -d 'Where to write the receipt; by default FILE.receipt.'
complete -c git-ekf -n '__git_ekf_at \'bundle apply\'' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at \'bundle apply\' 1' -F
complete -c git-ekf -n '__git_ekf_at \'bundle apply\' 2' -k -a '(__fish_complete_directories)'
complete -c git-ekf -n '__git_ekf_at hooks' -a install -d 'Install the hooks; one that is there is kept and runs first.'
complete -c git-ekf -n '__git_ekf_at hooks' -a uninstall -d 'Remove the hooks and put back what was there before.'
complete -c git-ekf -n '__git_ekf_at hooks' -a status -d 'Show which hooks git really runs; exit with 1 if ours do not.'
complete -c git-ekf -n '__git_ekf_at hooks' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at \'hooks install\'' -l server -d 'The hook of a bare repository, which judges what is pushed to it.'
complete -c git-ekf -n '__git_ekf_at \'hooks install\'' -l shared -d 'Also into a directory of hooks that other repositories use.'
complete -c git-ekf -n '__git_ekf_at \'hooks install\'' -l force -d 'Also where a git-ekf hook was edited by hand.'
complete -c git-ekf -n '__git_ekf_at \'hooks install\'' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at \'hooks install\' 1' -k -a '(__fish_complete_directories)'
complete -c git-ekf -n '__git_ekf_at \'hooks uninstall\'' -l server -d 'The hook of a bare repository, which judges what is pushed to it.'
complete -c git-ekf -n '__git_ekf_at \'hooks uninstall\'' -l shared -d 'Also into a directory of hooks that other repositories use.'
complete -c git-ekf -n '__git_ekf_at \'hooks uninstall\'' -l force -d 'Also where a git-ekf hook was edited by hand.'
complete -c git-ekf -n '__git_ekf_at \'hooks uninstall\'' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at \'hooks uninstall\' 1' -k -a '(__fish_complete_directories)'
complete -c git-ekf -n '__git_ekf_at \'hooks status\'' -l server -d 'The hook of a bare repository, which judges what is pushed to it.'
complete -c git-ekf -n '__git_ekf_at \'hooks status\'' -l json -d 'Print one JSON document.'
complete -c git-ekf -n '__git_ekf_at \'hooks status\'' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at \'hooks status\' 1' -k -a '(__fish_complete_directories)'
complete -c git-ekf -n '__git_ekf_at trust' -l list -d 'List the commands and which are trusted; change nothing.'
complete -c git-ekf -n '__git_ekf_at trust' -l revoke -d 'Forget all commands that were trusted in this clone.'
complete -c git-ekf -n '__git_ekf_at trust' -l yes -s y -d 'Agree to every question.'
complete -c git-ekf -n '__git_ekf_at trust' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at trust 1+' -F -k -a '(__git_ekf_ask revisions)'
complete -c git-ekf -n '__git_ekf_at man' -l install -d 'Put the pages where man looks, or into DIR.'
complete -c git-ekf -n '__git_ekf_at man' -l path -d 'Print the folder of this installation\'s pages, for man.'
complete -c git-ekf -n '__git_ekf_at man' -l schema -d 'Print the JSON schema of what the command PAGE prints with --json.'
complete -c git-ekf -n '__git_ekf_at man' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at man 1' -a 't.toml  adopt apply bundle check clone completion config demo diff doctor drift hooks images init log man mirror pull releases report rollback save show status sync tag trust undo upgrade workflow'
complete -c git-ekf -n '__git_ekf_at config' -l json -d 'Print one JSON document.'
complete -c git-ekf -n '__git_ekf_at config' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at config 1' -k -a '(__git_ekf_ask keys)'
complete -c git-ekf -n '__git_ekf_at doctor' -l offline -d 'Ask no remote.'
complete -c git-ekf -n '__git_ekf_at doctor' -l remote -d 'Try what the internal repository takes: push small refs, and delete them.'
complete -c git-ekf -n '__git_ekf_at doctor' -l json -d 'Print one JSON document.'
complete -c git-ekf -n '__git_ekf_at doctor' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at completion' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at completion 1' -a 'bash zsh fish'
complete -c git-ekf -n '__git_ekf_at demo' -l yes -s y -d 'Do not wait for Enter before each command.'
complete -c git-ekf -n '__git_ekf_at demo' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at demo 1' -k -a '(__fish_complete_directories)'
complete -c git-ekf -n '__git_ekf_at help' -l install -d 'Put the pages where man looks, or into DIR.'
complete -c git-ekf -n '__git_ekf_at help' -l path -d 'Print the folder of this installation\'s pages, for man.'
complete -c git-ekf -n '__git_ekf_at help' -l schema -d 'Print the JSON schema of what the command PAGE prints with --json.'
complete -c git-ekf -n '__git_ekf_at help' -s h -l help -d 'Show the usage and exit.'
complete -c git-ekf -n '__git_ekf_at help 1' -a 't.toml  adopt apply bundle check clone completion config demo diff doctor drift hooks images init log man mirror pull releases report rollback save show status sync tag trust undo upgrade workflow'
# --- to here ---
