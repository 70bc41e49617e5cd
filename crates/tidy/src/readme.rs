//! The README's commands are promises: each can be typed as it stands, and the tests among them run in `.ci/run`.

use crate::finding::Finding;
use crate::markdown;
use crate::shell::{self, Command};
use crate::typed::{self, PROGRAM, is_placeholder};
use crate::workspace::Workspace;

const README: &str = "README.md";
const CI: &str = ".ci/run";
/// Every command of the README exists, its tests stand word for word in `.ci/run`, and so does every loom model.
#[must_use]
pub fn readme_commands_exist(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    let ci = workspace.required(CI, "what every change must pass");
    match workspace.required(README, "what Levada is, and its first two commands") {
        Ok(text) => {
            for command in commands(text) {
                let faults = typed::faults(workspace, &command.words);
                let cure = "make it so, or write the command that is";
                let finding = |fault| Finding::new(README, command.line, fault, cure);
                findings.extend(faults.into_iter().map(finding));
            }
            findings.extend(untested(text, ci.as_deref().unwrap_or_default()));
        }
        Err(finding) => findings.push(finding),
    }
    match ci {
        Ok(ci) => findings.extend(models_left_out(workspace, ci)),
        Err(finding) => findings.push(finding),
    }
    findings
}

/// Those of our commands that a document tells: in blocks for a shell, and in spans of code.
fn commands(text: &str) -> Vec<Command> {
    let mut found = Vec::new();
    for fence in markdown::fences(text) {
        if ["", "sh", "bash", "console", "shell"].contains(&fence.info.as_str()) {
            // Lines keep their numbers because a command may go over several.
            let lines = fence.lines.iter().map(|(_, text)| text.strip_prefix("$ ").unwrap_or(text));
            let text = lines.collect::<Vec<_>>().join("\n");
            found.extend(
                shell::commands(&text)
                    .into_iter()
                    .map(|command| Command { line: command.line + fence.line, ..command }),
            );
        }
    }
    for (line, span) in markdown::spans(text) {
        found.extend(shell::commands(&span).into_iter().map(|command| Command { line, ..command }));
    }
    found.retain_mut(|command| {
        let settings = command.words.iter().take_while(|word| is_setting(word)).count();
        command.words.drain(..settings);
        // One word is a name that the text speaks of, not a command to type.
        let first = command.words.first().map(String::as_str);
        command.words.len() > 1 && (first == Some("cargo") || first == Some(PROGRAM))
    });
    found
}

/// `NAME=value` in front of a command.
fn is_setting(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
}

/// The README tells at least one test command, and each stands word for word in `.ci/run`.
fn untested(readme: &str, ci: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let tests: Vec<_> = commands(readme)
        .into_iter()
        .filter(|command| command.words.starts_with(&["cargo".to_owned(), "test".to_owned()]))
        .collect();
    if tests.is_empty() {
        findings.push(Finding::new(README, 1, "tells no test command", "write `cargo test`"));
    }
    let steps = shell::commands(ci);
    for test in tests.iter().filter(|test| !test.words.iter().any(|word| is_placeholder(word))) {
        // A step may put a limit or a setting before it, and nothing behind it.
        if !steps.iter().any(|step| step.words.ends_with(&test.words)) {
            let fault = format!("“{}” does not stand word for word in {CI}", test.words.join(" "));
            findings.push(Finding::new(
                README,
                test.line,
                fault,
                format!("let a step of {CI} end with it"),
            ));
        }
    }
    findings
}

/// The crates with loom models that no loom step names.
fn models_left_out(workspace: &Workspace, ci: &str) -> Vec<Finding> {
    let steps = shell::commands(ci);
    let is_loom = |step: &&Command| step.words.iter().any(|word| word.contains("--cfg loom"));
    let names = |step: &Command, name: &str| {
        step.words
            .windows(2)
            .any(|pair| (pair[0] == "-p" || pair[0] == "--package") && pair[1] == name)
    };
    let mut findings = Vec::new();
    for package in &workspace.packages {
        let inside = format!("{}/", package.path());
        let model =
            workspace.sources.iter().filter(|(file, _)| file.starts_with(&inside)).find_map(
                |(file, source)| {
                    let inner = source.mods.iter().find(|inner| inner.name == "loom_tests")?;
                    Some((file, inner.line))
                },
            );
        let Some((file, line)) = model else { continue };
        let name = package.name();
        if !steps.iter().filter(is_loom).any(|step| names(step, &name)) {
            let fault = format!("no step of {CI} runs these models under loom");
            findings.push(Finding::new(
                file,
                line,
                fault,
                format!("write -p {name} in its loom step"),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "
#[derive(Parser)]
struct A {
    #[command(subcommand)]
    action: Action,
}
#[derive(Subcommand)]
enum Action {
    Serve { folder: String, #[arg(long)] listen: String },
}
";
    const CI_RUN: &str = "
step 12m cargo test   # all
step 7m env RUSTFLAGS='--cfg loom' cargo test -p levada-queue --lib loom_tests
";
    const README_GOOD: &str = "# Levada

```sh
cargo run --release -- serve examples/site
$ cargo test
```

`levada serve DIR [--listen ADDR]...`, `LEVADA_IO=epoll levada serve .`,
`cargo bench -p levada-queue --bench spsc`.
";

    fn faults(readme: &str, ci: &str) -> Vec<String> {
        let workspace = Workspace::of(&[
            ("README.md", readme),
            (".ci/run", ci),
            ("examples/site/index.html", ""),
            (
                "crates/server/Cargo.toml",
                "[package]\nname = \"levada-server\"\n[[bin]]\nname = \"levada\"\n",
            ),
            ("crates/server/src/main.rs", SERVER),
            ("crates/queue/Cargo.toml", "[package]\nname = \"levada-queue\"\n"),
            ("crates/queue/src/lib.rs", "#[cfg(all(test, loom))]\nmod loom_tests;\n"),
            ("crates/queue/src/loom_tests.rs", ""),
            ("crates/queue/benches/spsc.rs", ""),
        ]);
        readme_commands_exist(&workspace).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn commands_that_exist_are_no_finding() {
        assert_eq!(faults(README_GOOD, CI_RUN), [""; 0]);
    }

    #[test]
    fn each_wrong_command_is_found_at_its_line() {
        for (right, wrong, told) in [
            ("serve examples", "show examples", "README.md:4: server has no subcommand show"),
            ("examples/site", "examples/none", "README.md:4: nothing lies at examples/none"),
            ("--release --", "--relase --", "README.md:4: cargo is given --relase"),
            ("[--listen ADDR]", "[--bind ADDR]", "README.md:8: the program takes no --bind"),
            ("levada-queue", "levada-queues", "README.md:9: there is no package levada-queues"),
            ("--bench spsc", "--bench spcs", "README.md:9: there is no bench spcs"),
            (
                "$ cargo test",
                "$ cargo test --lib",
                "README.md:5: “cargo test --lib” does not stand",
            ),
            ("$ cargo test", "$ make test", "README.md:1: tells no test command"),
        ] {
            let faults = faults(&README_GOOD.replace(right, wrong), CI_RUN);
            assert!(faults.len() == 1 && faults[0].starts_with(told), "{told}: {faults:#?}");
        }
    }

    #[test]
    fn a_test_command_with_more_behind_it_is_another() {
        let faults = faults(README_GOOD, &CI_RUN.replace("cargo test   #", "cargo test --lib #"));
        assert!(faults.len() == 1 && faults[0].contains("word for word"), "{faults:#?}");
    }

    #[test]
    fn a_crate_whose_models_run_nowhere_is_found() {
        for ci in
            [CI_RUN.replace("levada-queue", "levada-shared"), CI_RUN.replace("--cfg loom", "-O")]
        {
            let faults = faults(README_GOOD, &ci);
            let told = "crates/queue/src/lib.rs:1: no step of .ci/run runs these models";
            assert!(faults.len() == 1 && faults[0].starts_with(told), "{faults:#?}");
        }
    }

    #[test]
    fn without_the_files_that_is_what_is_found() {
        let findings = readme_commands_exist(&Workspace::of(&[]));
        let files: Vec<_> = findings.iter().map(|finding| finding.file.as_str()).collect();
        assert_eq!(files, [README, CI]);
    }
}
