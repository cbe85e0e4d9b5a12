# fish completion for outseta-token
function __outseta_token_command
    set -l words (commandline -opc) (commandline -ct)
    set -e words[1..(contains -i -- -- $words)]
    # Before COMMAND there may be EMAIL and another --.
    while set -q words[2]; and string match -qr '@|^--$' -- $words[1]
        set -e words[1]
    end
    complete -C "$words"
end
complete -c outseta-token -n 'contains -- -- (commandline -opc)' -x -a '(__outseta_token_command)'
@OPTIONS@
