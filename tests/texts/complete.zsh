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
    '(-f --format)-f+[how to print the response\: json, token, header, env or claims (default json)]:FORMAT:(json token header env claims)' \
    '(-f --format)--format=[how to print the response\: json, token, header, env or claims (default json)]:FORMAT:(json token header env claims)' \
    '(-r --raw)-r[print only the token\: the same as --format token]' \
    '(-r --raw)--raw[print only the token\: the same as --format token]' \
    '(-o --output)-o+[write to FILE (mode 0600, atomically, only on success); - is standard output]:FILE:_files' \
    '(-o --output)--output=[write to FILE (mode 0600, atomically, only on success); - is standard output]:FILE:_files' \
    '(--min-ttl)--min-ttl=[with -o\: keep FILE, and make no request, if its token is valid for at least DURATION]:DURATION: ' \
    '(--account)--account=[accept only a token for this customer account (the claim outseta\:accountUid)]:UID: ' \
    '(-s --subdomain)-s+[Outseta account\: acme or https\://acme.outseta.com]:NAME: ' \
    '(-s --subdomain)--subdomain=[Outseta account\: acme or https\://acme.outseta.com]:NAME: ' \
    '(--base-url)--base-url=[another host that serves Outseta'\''s API, such as a custom domain or a test server]:URL: ' \
    '(-e --env-file)-e+[read OUTSETA_* settings from this .env file, before the environment]:FILE:_files' \
    '(-e --env-file)--env-file=[read OUTSETA_* settings from this .env file, before the environment]:FILE:_files' \
    '(--cacert)--cacert=[trust the certificates in this PEM file instead of the built-in roots]:FILE:_files' \
    '(--timeout)--timeout=[total time for one email, including retries and the waits between them (default 30s)]:DURATION: ' \
    '(--retries)--retries=[number of retries after a temporary failure (default 2)]:N: ' \
    '(--batch)--batch[read emails, one a line, from FILE or standard input, and print one JSON line for each]' \
    '(--rate)--rate=[with --batch\: send at most N requests a second, such as 0.5; 0 is no limit, Outseta'\''s is 4 (default 4)]:N: ' \
    '(--check)--check[show each setting and whether it works]' \
    '(--no-activity-log)--no-activity-log[ask Outseta not to record the call in its activity log]' \
    '(--no-input)--no-input[never prompt, as if CI were set]' \
    '(-q --quiet)-q[print only the result, warnings and errors]' \
    '(-q --quiet)--quiet[print only the result, warnings and errors]' \
    '(-v --verbose)-v[log settings, requests and responses; no secrets]' \
    '(-v --verbose)--verbose[log settings, requests and responses; no secrets]' \
    '(--generate)--generate=[print the man page or a shell completion\: man, complete-bash, complete-zsh or complete-fish]:WHAT:(man complete-bash complete-zsh complete-fish)' \
    '(-h)-h[print one screen of help]' \
    '(--help)--help[print all of the help]' \
    '(-V --version)-V[print the version]' \
    '(-V --version)--version[print the version]' \
    '*:file:_files'
