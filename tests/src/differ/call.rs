//! A call's line in its pieces.

/// `name(args) = result`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// What stands before the parenthesis.
    pub name: &'a str,
    /// Between the parentheses.
    pub args: &'a str,
    /// After ` = `.
    pub result: &'a str,
}

impl<'a> Call<'a> {
    /// The pieces of a line; `None` if it is no call that ended.
    pub fn parse(line: &'a str) -> Option<Self> {
        let (name, rest) = line.split_once('(')?;
        let end = top_level(rest).find(|(_, c)| *c == ')')?.0;
        let result = rest[end + 1..].trim_start_matches(' ').strip_prefix("= ")?;
        Some(Self { name, args: &rest[..end], result })
    }

    /// The arguments.
    pub fn list(&self) -> Vec<&'a str> {
        if self.args.is_empty() {
            return Vec::new();
        }
        let commas = top_level(self.args).filter(|(_, c)| *c == ',').map(|(at, _)| at);
        let mut begin = 0;
        let mut list = Vec::new();
        for end in commas.chain([self.args.len()]) {
            list.push(self.args[begin..end].trim_start_matches(' '));
            begin = (end + 1).min(self.args.len());
        }
        list
    }
}

/// What a line is about: the call's name, or `+++` and `---`.
pub fn subject(line: &str) -> &str {
    if line.starts_with("+++ ") || line.starts_with("--- ") {
        return &line[..3];
    }
    line.split('(').next().unwrap_or(line)
}

/// The characters that stand outside of quotes, comments and brackets, and the bracket that closes too much.
fn top_level(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut depth, mut quoted, mut comment, mut before) = (0i32, false, false, ' ');
    text.char_indices().filter(move |&(_, c)| {
        let last = std::mem::replace(&mut before, c);
        if quoted {
            if last == '\\' {
                // an escaped character escapes nothing
                before = ' ';
            } else {
                quoted = c != '"';
            }
            return false;
        }
        if comment {
            comment = !(last == '*' && c == '/');
            return false;
        }
        match c {
            '"' => quoted = true,
            '*' if last == '/' => comment = true,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => return depth == 0,
        }
        depth < 0 && matches!(c, ')')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_falls_into_its_pieces() {
        let line =
            r#"f({a="x)\"\\", b=[1, 2]}, 0x1 /* , ) */, htons(80), "=") = -1 EIO (Input/output error)"#;
        let call = Call::parse(line).expect("a call");
        assert_eq!((call.name, call.result), ("f", "-1 EIO (Input/output error)"));
        assert_eq!(call.list(), [r#"{a="x)\"\\", b=[1, 2]}"#, "0x1 /* , ) */", "htons(80)", r#""=""#]);
        assert_eq!(Call::parse("g()      = ?").expect("a call").list(), [""; 0]);
        assert_eq!(Call::parse("+++ exited with 0 +++"), None);
        assert_eq!(Call::parse("read(3 <detached ...>"), None);
    }

    #[test]
    fn subjects() {
        assert_eq!(subject("read(3, 0x1, 2) = 3"), "read");
        assert_eq!(subject("+++ exited with 0 +++"), "+++");
        assert_eq!(subject("--- SIGCHLD {} ---"), "---");
    }
}
