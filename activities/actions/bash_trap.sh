# Bash reads this file before a script, because BASH_ENV names it. It notes at which line the script stops, hides itself from
# the programs that the script starts, and never fails or prints. After `set +e`, a script goes on after a failure.
unset BASH_ENV
trap 'case $- in *e*) { builtin printf "%s %s\n" "$?" "$LINENO" >| "${SIGNOFF_OUTPUT%/*}/line"; } 2>/dev/null ;; esac' ERR
