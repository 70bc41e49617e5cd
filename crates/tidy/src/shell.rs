//! Shell text as simple commands: words, without comments and quotes, as far as documents and scripts need it.

/// One command.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Command {
    pub(crate) line: usize,
    pub(crate) words: Vec<String>,
}

/// The commands of a text; what a quote holds is one word, and what it holds is not looked into.
pub(crate) fn commands(text: &str) -> Vec<Command> {
    let mut split = Split { line: 1, ..Split::default() };
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek() == Some(&'\n') => {
                letters.next();
                split.end_word();
                split.lines_joined += 1;
            }
            '\\' => split.letters(letters.next()),
            '\'' | '"' => {
                split.word.get_or_insert_default();
                while let Some(inner) = letters.next().filter(|inner| *inner != letter) {
                    let escapes = letter == '"' && inner == '\\';
                    split.letters(if escapes { letters.next() } else { Some(inner) });
                }
            }
            '#' if split.word.is_none() => while letters.next_if(|next| *next != '\n').is_some() {},
            '\n' => split.end_line(),
            ';' | '&' | '|' => split.end_command(),
            space if space.is_whitespace() => split.end_word(),
            other => split.letters(Some(other)),
        }
    }
    split.end_command();
    split.commands
}

#[derive(Default)]
struct Split {
    commands: Vec<Command>,
    words: Vec<String>,
    word: Option<String>,
    line: usize,
    lines_joined: usize,
}

impl Split {
    fn letters(&mut self, letter: Option<char>) {
        self.word.get_or_insert_default().extend(letter);
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    fn end_command(&mut self) {
        self.end_word();
        if !self.words.is_empty() {
            let words = std::mem::take(&mut self.words);
            self.commands.push(Command { line: self.line, words });
        }
    }

    fn end_line(&mut self) {
        self.end_command();
        self.line += 1 + std::mem::take(&mut self.lines_joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_end_where_the_shell_ends_them() {
        let text =
            "a b # c; d\nstep 6m  env X='y z' cargo \\\n  test; e\\ f && g\nh \"i # \\\" j\"\n";
        let commands = commands(text);
        let told: Vec<_> = commands.iter().map(|it| (it.line, it.words.join("|"))).collect();
        let expected = [
            (1, "a|b"),
            (2, "step|6m|env|X=y z|cargo|test"),
            (2, "e f"),
            (2, "g"),
            (4, "h|i # \" j"),
        ];
        assert_eq!(told, expected.map(|(line, words)| (line, words.to_owned())));
    }
}
