# fish 3.6.0, and no other, does not find the way from `git ekf` to git-ekf (fish issue 9457).
if test "$version" = 3.6.0
    complete -c git -n '__git_ekf_of_git __fish_git_needs_command' -a ekf -d 'Custom command'
    complete -c git -f -n '__git_ekf_of_git __fish_git_using_command ekf' -a '(__fish_git_complete_custom_command ekf)'
end

# Asks a function of fish's completion of git, which a fish without configuration does not load.
function __git_ekf_of_git
    functions -q $argv[1]
    and $argv
end
