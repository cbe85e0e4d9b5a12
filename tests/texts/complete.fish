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
complete -c outseta-token -s f -l format -x -a 'json token header env claims' -d 'how to print the response: json, token, header, env or claims (default json)'
complete -c outseta-token -s r -l raw -d 'print only the token: the same as --format token'
complete -c outseta-token -s o -l output -r -F -d 'write to FILE (mode 0600, atomically, only on success); - is standard output'
complete -c outseta-token -l min-ttl -x -d 'with -o: keep FILE, and make no request, if its token is valid for at least DURATION'
complete -c outseta-token -l account -x -d 'accept only a token for this customer account (the claim outseta:accountUid)'
complete -c outseta-token -s s -l subdomain -x -d 'Outseta account: acme or https://acme.outseta.com'
complete -c outseta-token -l base-url -x -d 'another host that serves Outseta\'s API, such as a custom domain or a test server'
complete -c outseta-token -s e -l env-file -r -F -d 'read OUTSETA_* settings from this .env file, before the environment'
complete -c outseta-token -l cacert -r -F -d 'trust the certificates in this PEM file instead of the built-in roots'
complete -c outseta-token -l timeout -x -d 'total time for one email, including retries and the waits between them (default 30s)'
complete -c outseta-token -l retries -x -d 'number of retries after a temporary failure (default 2)'
complete -c outseta-token -l batch -d 'read emails, one a line, from FILE or standard input, and print one JSON line for each'
complete -c outseta-token -l rate -x -d 'with --batch: send at most N requests a second, such as 0.5; 0 is no limit, Outseta\'s is 4 (default 4)'
complete -c outseta-token -l check -d 'show each setting and whether it works'
complete -c outseta-token -l no-activity-log -d 'ask Outseta not to record the call in its activity log'
complete -c outseta-token -l no-input -d 'never prompt, as if CI were set'
complete -c outseta-token -s q -l quiet -d 'print only the result, warnings and errors'
complete -c outseta-token -s v -l verbose -d 'log settings, requests and responses; no secrets'
complete -c outseta-token -l generate -x -a 'man complete-bash complete-zsh complete-fish' -d 'print the man page or a shell completion: man, complete-bash, complete-zsh or complete-fish'
complete -c outseta-token -s h -d 'print one screen of help'
complete -c outseta-token -l help -d 'print all of the help'
complete -c outseta-token -s V -l version -d 'print the version'
