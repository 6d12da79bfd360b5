//! Tables of statistics, rstrace's and strace's.

use std::collections::BTreeMap;

/// A table, or several: what stands in the columns, by their headings.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The system calls in their order.
    pub rows: Vec<Row>,
    /// The last lines of the tables.
    pub totals: Vec<Row>,
}

/// A line of a table, by heading.
pub type Row = BTreeMap<String, String>;

impl Summary {
    /// Reads the tables in a text; other lines are passed over.
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        let mut summary = Self::default();
        let mut lines = text.lines().peekable();
        while let Some(heading) = lines.next() {
            let is_rule =
                |line: &str| line.starts_with("---") && line.bytes().all(|b| b == b'-' || b == b' ');
            let Some(rule) = lines.next_if(|line| is_rule(line)) else { continue };
            // the columns are where the dashes are
            let mut columns = Vec::new();
            let mut at = 0;
            for dashes in rule.split(' ') {
                columns.push((at, at + dashes.len()));
                at += dashes.len() + 1;
            }
            let last = columns.len() - 1;
            let cells = |line: &str| -> Vec<String> {
                let cell = |(place, (from, to)): (usize, &(usize, usize))| {
                    let to = if place == last { line.len() } else { *to };
                    line.get(*from..to).unwrap_or("").trim().to_owned()
                };
                columns.iter().enumerate().map(cell).collect()
            };
            let names = cells(heading);
            let row = |line: &str| names.iter().cloned().zip(cells(line)).collect::<Row>();
            for line in lines.by_ref().take_while(|line| !is_rule(line)) {
                summary.rows.push(row(line));
            }
            summary.totals.push(row(lines.next().expect("a line of totals")));
        }
        summary
    }

    /// A number of a system call's line; 0 where there is no such line or nothing stands there.
    #[track_caller]
    pub fn number(&self, syscall: &str, heading: &str) -> u64 {
        self.rows.iter().filter(|row| row["syscall"] == syscall).map(|row| number(row, heading)).sum()
    }

    /// Names, calls and errors, by name.
    pub fn counts(&self) -> BTreeMap<String, (u64, u64)> {
        let counts = |row: &Row| (row["syscall"].clone(), (number(row, "calls"), number(row, "errors")));
        self.rows.iter().map(counts).collect()
    }
}

/// A number in a line.
#[track_caller]
pub fn number(row: &Row, heading: &str) -> u64 {
    let cell = row.get(heading).unwrap_or_else(|| panic!("no column {heading} in {row:?}"));
    if cell.is_empty() { 0 } else { cell.parse().unwrap_or_else(|_| panic!("{heading} is {cell}")) }
}
