# bash completion for outseta-token
_outseta_token_files() {
    compopt -o filenames
    # By lines: a name may have spaces.
    mapfile -t COMPREPLY < <(compgen "$@" -- "$cur")
}
_outseta_token() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} i
    # Bash takes = as a word of its own.
    if [[ $cur == '=' ]]; then
        cur=
    elif [[ $prev == '=' ]]; then
        prev=${COMP_WORDS[COMP_CWORD-2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == -- ]]; then
            _outseta_token_files -c -f
            return
        fi
    done
    local options='@NAMES@'
    case $prev in
@OPTIONS@
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
    else
        _outseta_token_files -f
    fi
}
complete -F _outseta_token outseta-token
