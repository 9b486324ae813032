# Completion in bash 3.2 and newer: of `git ekf` by way of git's own completion, which calls _git_ekf, and of `git-ekf`.
# Options and commands stand in the tables at the end. What only the repository knows is asked of `git-ekf complete`.

# git's completion has found the command, which may be an alias, in its own words.
_git_ekf ()
{
	local name=ekf at=1
	[ "${__git_cmd_idx:-0}" -eq 0 ] || name=${words[__git_cmd_idx]}
	local cur cword words
	__git_ekf_words
	while [ "$at" -lt "$cword" ] && [ "${words[at]}" != "$name" ]; do
		at=$((at + 1))
	done
	__git_ekf_complete $((at + 1))
}

__git_ekf_main ()
{
	local cur cword words
	__git_ekf_words
	__git_ekf_complete 1
}

# The words of the line as words, cword and cur. bash has split them at =, : and @ too: what has no blank before it goes on.
__git_ekf_words ()
{
	local i rest=" $COMP_LINE"
	words=() cword=-1
	for ((i = 0; i <= COMP_CWORD; i++)); do
		[[ $rest != [[:blank:]]* ]] || cword=$((cword + 1))
		words[cword]=${words[cword]-}${COMP_WORDS[i]}
		rest=${rest#*"${COMP_WORDS[i]}"}
	done
	cur=${words[cword]}
}

# 1: where the words behind ekf begin
__git_ekf_complete ()
{
	local subcommands="" options="" valued="" arguments="" kind=""
	local command="" option="" only_arguments="" position=0 word i plain open IFS=$' \t\n'
	__git_ekf_command ""
	for ((i = $1; i < cword; i++)); do
		word=${words[i]}
		if [ -n "$option" ]; then
			option="" # its value
		elif [ -n "$only_arguments" ]; then
			position=$((position + 1))
		elif [ "$word" = -- ]; then
			only_arguments=yes
		elif [[ $word == -* ]]; then
			[[ " $valued " != *" $word "* ]] || option=$word
		elif [ -n "$subcommands" ]; then
			command=${command:+$command }$word
			__git_ekf_command "$command"
		else
			position=$((position + 1))
		fi
	done

	__git_ekf_dequote "$cur"
	if [ -n "$option" ]; then
		__git_ekf_option "$command" "$option"
		__git_ekf_offer "" "$1"
	elif [ -z "$only_arguments" ] && [[ $plain == --*=* ]]; then
		option=${plain%%=*}
		__git_ekf_option "$command" "$option"
		__git_ekf_offer "$option=" "$1"
	elif [ -z "$only_arguments" ] && [[ $plain == -* ]]; then
		kind=one-of:$options
		__git_ekf_offer "" "$1"
	elif [ -n "$subcommands" ]; then
		kind=one-of:$subcommands
		__git_ekf_offer "" "$1"
	else
		for kind in $arguments ""; do
			[[ $kind != *... ]] || break
			[ "$position" -gt 0 ] || break
			position=$((position - 1))
		done
		kind=${kind%...}
		__git_ekf_offer "" "$1"
	fi
}

# The candidates of $kind into COMPREPLY. 1: what stands before them in the word (--format=); 2: where the words behind ekf begin
__git_ekf_offer ()
{
	local lead=$1 candidates="" i
	local -a earlier
	earlier=()
	COMPREPLY=()
	case $kind in
	one-of:*)
		candidates=${kind#one-of:}
		candidates=${candidates//,/$'\n'}
		;;
	none) ;;
	files)
		return # bash does it: complete -o default
		;;
	directories)
		compopt +o bashdefault +o default -o dirnames 2>/dev/null
		return
		;;
	programs)
		candidates=$(compgen -c -- "${plain#"$lead"}")
		;;
	?*)
		for ((i = $2; i < cword; i++)); do
			__git_ekf_dequote "${words[i]}"
			earlier[${#earlier[@]}]=$plain
		done
		__git_ekf_dequote "$cur"
		candidates=$(__git_ekf_ask complete "$kind" "${plain#"$lead"}" ${earlier+"${earlier[@]}"})
		;;
	esac
	__git_ekf_reply "$lead" "$candidates"
	case ${#COMPREPLY[@]}$kind in
	0paths | 0remotes | 0revisions) ;; # then it may be a file
	*) compopt +o bashdefault +o default 2>/dev/null ;;
	esac
	case $kind in
	records | revisions | channels | newer | published) compopt -o nosort 2>/dev/null ;;
	esac
}

# Asks the git-ekf that the line would run, in the repository that it would run in.
__git_ekf_ask ()
{
	if [ -n "${__git_C_args-}${__git_dir-}" ]; then
		git ${__git_C_args:+"${__git_C_args[@]}"} ${__git_dir:+--git-dir="$__git_dir"} ekf "$@" 2>/dev/null </dev/null
	else
		command git-ekf "$@" 2>/dev/null </dev/null
	fi
}

# Those of the candidates (one a line, perhaps with a description) that the word begins, as they can stand in the line.
__git_ekf_reply ()
{
	local lead=$1 before="" value char
	# Readline takes what stands behind the last of these as the word; @ belongs to it.
	for char in : = @; do
		if [[ $COMP_WORDBREAKS == *$char* && $plain == *$char* ]]; then
			value=${plain%"${plain##*$char}"}
			value=${value%@}
			[ ${#value} -le ${#before} ] || before=$value
		fi
	done
	while IFS= read -r value; do
		value=$lead${value%%$'\t'*}
		[[ -n $value && $value == "$plain"* ]] || continue
		value=${value#"$before"}
		if [[ $value == *[!A-Za-z0-9_./:=@%+,-]* ]]; then
			[ -z "$open" ] || continue # in quotes that are open it might not be safe
			printf -v value %q "$value"
		fi
		[[ -n $open || $value == *[=/] ]] || value="$value "
		COMPREPLY[${#COMPREPLY[@]}]=$value
	done <<EOF
$2
EOF
}

# The word as bash will read it, but nothing is expanded, as plain; open is the quote that it leaves open.
__git_ekf_dequote ()
{
	local rest=$1 char
	plain="" open=""
	while [ -n "$rest" ]; do
		char=${rest:0:1}
		rest=${rest:1}
		case $open$char in
		\\ | \"\\)
			plain=$plain${rest:0:1}
			rest=${rest:1}
			;;
		\' | \") open=$char ;;
		\'\' | \"\") open="" ;;
		*) plain=$plain$char ;;
		esac
	done
}

# --- from here on: written by `python packaging/completions.py` ---
__git_ekf_command ()
{
	subcommands="" options="" valued="" arguments=""
	case $1 in
	"")
		subcommands=clone,init,status,releases,check,diff,images,apply,drift,tag,adopt,log,show,report,save,pull,rollback,sync,upgrade,undo,mirror,bundle,resolutions,fleet,hooks,trust,man,config,doctor,completion,demo,help
		options=--version,--help
		;;
	clone)
		options=--internal=,--release=,--help
		valued="--internal --release"
		arguments="directories directories"
		;;
	init)
		options=--primary=,--internal=,--release=,--yes,--help
		valued="--primary --internal --release"
		;;
	status)
		options=--json,--prompt,--fetch,--help
		;;
	releases)
		options=--forecast,--json,--help
		;;
	check)
		options=--staged,--all,--build,--format=,--json,--help
		valued="--format"
		arguments="revisions..."
		;;
	diff)
		options=--stat,--rendered,--json,--help
		arguments="revisions revisions paths..."
		;;
	images)
		options=--new-since=,--write=,--json,--help
		valued="--new-since --write"
		arguments="revisions paths..."
		;;
	apply)
		options=--message=,--field=,--keep-going,--drift,--yes,--dry-run,--no-fetch,--help
		valued="-m --message --field"
		arguments="paths..."
		;;
	drift)
		options=--patch,--json,--help
		arguments="paths..."
		;;
	tag)
		options=--message=,--file=,--field=,--date=,--sign,--no-fetch,--help
		valued="-m --message -F --file --field --date"
		;;
	adopt)
		options=--message=,--field=,--sign,--help
		valued="-m --message --field"
		arguments="records..."
		;;
	log)
		options=--max-count=,--release=,--since=,--json,--help
		valued="-n --max-count --release --since"
		;;
	show)
		options=--json,--help
		arguments="records"
		;;
	report)
		options=--output=,--fetch,--json,--help
		valued="-o --output"
		;;
	save)
		options=--help
		;;
	pull)
		options=--plan,--json,--continue,--skip,--abort,--no-fetch,--switch,--help
		;;
	rollback)
		options=--dry-run,--json,--exact,--continue,--abort,--no-fetch,--help
		arguments="records"
		;;
	sync)
		options=--plan,--json,--continue,--skip,--abort,--prefer=,--drop=,--flatten,--no-fetch,--no-save-check,--verify=,--no-build,--build,--range-diff,--help
		valued="--prefer --drop --verify"
		;;
	upgrade)
		options=--plan,--json,--continue,--skip,--abort,--prefer=,--drop=,--flatten,--no-fetch,--no-save-check,--verify=,--no-build,--build,--range-diff,--migrate-squash,--help
		valued="--prefer --drop --verify"
		arguments="newer"
		;;
	undo)
		options=--help
		;;
	mirror)
		options=--release=,--accept=,--help
		valued="--release --accept"
		arguments="directories directories"
		;;
	bundle)
		subcommands=create,verify,apply
		options=--help
		;;
	"bundle create")
		options=--from=,--release=,--receipt=,--sign=,--help
		valued="--from --release --receipt --sign"
		arguments="files"
		;;
	"bundle verify")
		options=--allowed-signers=,--json,--help
		valued="--allowed-signers"
		arguments="files"
		;;
	"bundle apply")
		options=--accept=,--allowed-signers=,--receipt=,--help
		valued="--accept --allowed-signers --receipt"
		arguments="files directories"
		;;
	resolutions)
		subcommands=list,approve,save
		options=--help
		;;
	"resolutions list")
		options=--no-fetch,--json,--help
		;;
	"resolutions approve")
		options=--yes,--no-fetch,--help
		arguments="none..."
		;;
	"resolutions save")
		options=--no-sign,--help
		;;
	fleet)
		subcommands=status,plan,report,upgrade,resolve
		options=--help
		;;
	"fleet status")
		options=--file=,--where=,--only=,--list,--failed,--no-fetch,--json,--help
		valued="--file --where --only"
		;;
	"fleet plan")
		options=--file=,--where=,--only=,--list,--jobs=,--executor=,--no-fetch,--json,--help
		valued="--file --where --only --jobs --executor"
		arguments="none none..."
		;;
	"fleet report")
		options=--file=,--where=,--only=,--output=,--plan=,--no-fetch,--help
		valued="--file --where --only -o --output --plan"
		;;
	"fleet upgrade")
		options=--file=,--wave=,--where=,--only=,--continue,--without-records,--max-failed=,--dry-run,--json,--help
		valued="--file --wave --where --only --max-failed"
		arguments="channels"
		;;
	"fleet resolve")
		options=--approve=,--yes,--file=,--help
		valued="--approve --file"
		arguments="channels none directories"
		;;
	hooks)
		subcommands=install,uninstall,status
		options=--help
		;;
	"hooks install")
		options=--server,--shared,--force,--help
		arguments="directories"
		;;
	"hooks uninstall")
		options=--server,--shared,--force,--help
		arguments="directories"
		;;
	"hooks status")
		options=--server,--json,--help
		arguments="directories"
		;;
	trust)
		options=--list,--revoke,--yes,--help
		arguments="revisions..."
		;;
	man)
		options=--install,--path,--schema,--help
		arguments="one-of:t.toml,,adopt,apply,bundle,check,clone,completion,config,demo,diff,doctor,drift,fleet,hooks,images,init,log,man,mirror,pull,releases,report,resolutions,rollback,save,show,status,sync,tag,trust,undo,upgrade,workflow"
		;;
	config)
		options=--json,--help
		arguments="keys"
		;;
	doctor)
		options=--offline,--remote,--json,--help
		;;
	completion)
		options=--help
		arguments="one-of:bash,zsh,fish"
		;;
	demo)
		options=--yes,--help
		arguments="directories"
		;;
	help)
		options=--install,--path,--schema,--help
		arguments="one-of:t.toml,,adopt,apply,bundle,check,clone,completion,config,demo,diff,doctor,drift,fleet,hooks,images,init,log,man,mirror,pull,releases,report,resolutions,rollback,save,show,status,sync,tag,trust,undo,upgrade,workflow"
		;;
	esac
}

__git_ekf_option ()
{
	kind=""
	case $1$2 in
	clone--internal) kind=remotes ;;
	clone--release) kind=published ;;
	init--primary) kind=remotes ;;
	init--internal) kind=remotes ;;
	init--release) kind=channels ;;
	check--format) kind=one-of:text,json,sarif,github ;;
	images--new-since) kind=revisions ;;
	images--write) kind=paths ;;
	tag-F | tag--file) kind=files ;;
	log--release) kind=channels ;;
	report-o | report--output) kind=files ;;
	sync--prefer) kind=one-of:local,vendor ;;
	sync--drop) kind=one-of:superseded ;;
	sync--verify) kind=programs ;;
	upgrade--prefer) kind=one-of:local,vendor ;;
	upgrade--drop) kind=one-of:superseded ;;
	upgrade--verify) kind=programs ;;
	mirror--release) kind=channels ;;
	"bundle create--from") kind=directories ;;
	"bundle create--release") kind=channels ;;
	"bundle create--receipt") kind=files ;;
	"bundle create--sign") kind=files ;;
	"bundle verify--allowed-signers") kind=files ;;
	"bundle apply--allowed-signers") kind=files ;;
	"bundle apply--receipt") kind=files ;;
	"fleet status--file") kind=files ;;
	"fleet plan--file") kind=files ;;
	"fleet report--file") kind=files ;;
	"fleet report-o" | "fleet report--output") kind=files ;;
	"fleet report--plan") kind=channels ;;
	"fleet upgrade--file") kind=files ;;
	"fleet resolve--file") kind=files ;;
	esac
}
# --- to here ---

complete -o bashdefault -o default -o nospace -F __git_ekf_main git-ekf 2>/dev/null ||
	complete -o default -o nospace -F __git_ekf_main git-ekf
