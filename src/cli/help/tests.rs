use super::*;

fn all() -> [String; 5] {
    [help(), man().replace("\\-", "-"), bash(), zsh(), fish()]
}

#[test]
fn every_option_is_in_each_text() {
    for (at, text) in all().iter().enumerate() {
        for spec in TABLE {
            let long = if at == 4 { format!("-l {}", &spec.long[2..]) } else { spec.long.to_owned() };
            assert!(text.contains(&long), "{long} in {text}");
            for choice in choices(spec).into_iter().flatten() {
                assert!(text.contains(choice), "{choice} in {text}");
            }
        }
    }
}

#[test]
fn completions_offer_what_a_value_can_be() {
    for (script, lines) in [
        (
            bash(),
            [
                "        -f|--format) COMPREPLY=($(compgen -W 'json token header env claims' -- \"$cur\")); return ;;\n",
                "        -o|--output) _outseta_token_files -f; return ;;\n",
                "        --retries) COMPREPLY=(); return ;;\n",
            ],
        ),
        (
            zsh(),
            [
                ":FORMAT:(json token header env claims)' \\\n",
                "is standard output]:FILE:_files' \\\n",
                "may pass (default 2; 0\\: none)]:N: ' \\\n",
            ],
        ),
        (
            fish(),
            [
                " -s f -l format -x -a 'json token header env claims' -d ",
                " -s o -l output -r -F -d ",
                " -l retries -x -d ",
            ],
        ),
    ] {
        for line in lines {
            assert!(script.contains(line), "{line} in {script}");
        }
    }
}

#[test]
fn the_man_page_explains_all_that_help_does() {
    let page = man();
    let options = TABLE.iter().map(|spec| (option(spec, ""), spec.help));
    let usage = USAGE.map(|(arguments, result)| (format!("{NAME} {arguments}"), result));
    let others = [SETTINGS.as_slice(), EXAMPLES.as_slice()].concat();
    let items = others.into_iter().map(|(name, text)| (name.to_owned(), text)).chain(usage).chain(options);
    for (name, text) in items {
        let item = format!(".TP\n.B {}\n{}\n", roff(&name), roff(text));
        assert!(page.contains(&item), "{item} in {page}");
    }
    for paragraph in [EMAIL, CLAIMS] {
        assert!(page.contains(&format!(".PP\n{}\n", roff(paragraph))), "{paragraph} in {page}");
    }
}

#[test]
fn every_status_is_in_help_and_man_page() {
    let statuses: Vec<u8> = STATUSES.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [0, 64, 65, 66, 67, 68, 69, 70, 73, 74, 75, 76, 77, 78, 126, 127]);
    for (status, when) in STATUSES {
        assert!(help().contains(&format!("  {status:<26}{}", wrapped(when, 52)[0])), "{status}");
        assert!(man().contains(&format!(".B {status}\n{}\n", roff(when))), "{status}");
    }
}

#[test]
fn help_fits_a_terminal() {
    for line in help().lines() {
        assert!(line.len() <= WIDTH && line.trim_end() == line, "{line:?}");
    }
}

#[test]
fn help_has_a_known_shape() {
    let help = help();
    assert!(help.starts_with(&format!("{NAME} {VERSION}: {SUMMARY}\n\nUsage:\n")));
    assert!(
        help.contains("\n  -f, --format FORMAT       what to print: json (default), token, header, env or\n")
    );
    assert!(help.contains("\n      --no-input            never prompt\n"));
}

#[test]
fn a_paragraph_stands_alone_and_a_wide_name_on_its_own_line() {
    for text in [EMAIL, CLAIMS] {
        let lines = wrapped(text, WIDTH).join("\n");
        assert!(help().contains(&format!("\n\n{lines}\n\n")), "{lines}");
    }
    let mut text = String::new();
    let names = ["n".repeat(24), "w".repeat(25)];
    rows(&mut text, names.clone().map(|name| (name, "why")));
    let [narrow, wide] = names;
    let expected = format!("  {narrow}  why\n  {wide}\n{:28}why\n", "");
    assert_eq!(text, expected);
}

#[test]
fn each_text_is_generated_by_its_name() {
    let generated = [Generated::Man, Generated::Bash, Generated::Zsh, Generated::Fish];
    assert_eq!(generated.map(generate), [man(), bash(), zsh(), fish()]);
}

#[test]
fn version_is_the_packages() {
    assert_eq!(version(), concat!("outseta-token ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn words_are_wrapped() {
    assert_eq!(wrapped("aa bb cc", 5), ["aa bb", "cc"]);
    assert_eq!(wrapped("aaaaaaa b", 3), ["aaaaaaa", "b"]);
    assert_eq!(wrapped("", 3), [""]);
}

#[test]
fn roff_has_nothing_to_interpret() {
    assert_eq!(roff(".a \\b -c \"~\"  d"), "\\&.a \\eb \\-c \\(dq\\(ti\\(dq d");
}
