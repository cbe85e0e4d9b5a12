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
    local options='-f --format -r --raw -o --output --min-ttl --account -s --subdomain --base-url -e --env-file --cacert --timeout --retries --batch --rate --check --no-activity-log --no-input -q --quiet -v --verbose --generate -h --help -V --version'
    case $prev in
        -f|--format) COMPREPLY=($(compgen -W 'json token header env claims' -- "$cur")); return ;;
        -o|--output) _outseta_token_files -f; return ;;
        --min-ttl) COMPREPLY=(); return ;;
        --account) COMPREPLY=(); return ;;
        -s|--subdomain) COMPREPLY=(); return ;;
        --base-url) COMPREPLY=(); return ;;
        -e|--env-file) _outseta_token_files -f; return ;;
        --cacert) _outseta_token_files -f; return ;;
        --timeout) COMPREPLY=(); return ;;
        --retries) COMPREPLY=(); return ;;
        --rate) COMPREPLY=(); return ;;
        --generate) COMPREPLY=($(compgen -W 'man complete-bash complete-zsh complete-fish' -- "$cur")); return ;;
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
    else
        _outseta_token_files -f
    fi
}
complete -F _outseta_token outseta-token
