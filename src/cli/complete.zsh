#compdef outseta-token
local -i from=${words[(i)--]}
if (( from < CURRENT )); then
    # Before COMMAND there may be EMAIL and another --.
    while (( from + 1 < CURRENT )) && [[ $words[from+1] == (*@*|--) ]]; do
        (( from++ ))
    done
    shift from words
    (( CURRENT -= from ))
    _normal
    return
fi
_arguments -s -S \
@OPTIONS@
    '*:file:_files'
