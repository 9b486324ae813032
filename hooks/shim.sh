#!/bin/sh
# git-ekf hook shim, protocol 1. Installed by "git ekf hooks install"; "git ekf hooks uninstall" puts back what was here.
# To step past it once: EKF_HOOKS=0 git ...
hook=@HOOK@ python=@PYTHON@ boot=@BOOT@
previous=${0%/*}/$hook.ekf-prev

judge() {
	[ "$EKF_HOOKS" = 0 ] && return 0
	[ -x "$python" ] && [ -f "$boot" ] && { "$python" -I -S "$boot" 1 "$hook" "$@"; return; }
	command -v git-ekf >/dev/null 2>&1 && { git-ekf hook 1 "$hook" "$@"; return; }
	echo "git-ekf: $hook refused: its hook is installed ($0), but git-ekf is not" >&2
	echo "hint: install git-ekf and run: git ekf hooks install; or step past it once: EKF_HOOKS=0 git ..." >&2
	return 1
}

[ -x "$previous" ] || { judge "$@"; exit; }
case $hook in
pre-push | pre-receive)
	updates=$(cat; echo .)
	updates=${updates%.}
	printf %s "$updates" | "$previous" "$@" || exit
	printf %s "$updates" | judge "$@" ;;
*)
	"$previous" "$@" || exit
	judge "$@" ;;
esac
