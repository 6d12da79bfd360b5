//! Tables of made-up statistics, in the form that strace's have.

use super::*;

fn tally(number: u32, calls: u64, errors: u64, micros: [u64; 3]) -> Tally {
    let [sum, min, max] = micros.map(Duration::from_micros);
    let cpu = Spent { sum, min, max };
    let wall = Spent { sum: sum * 2, min: min * 2, max: max * 2 };
    let mut histogram = [0; BUCKETS];
    histogram[12] = calls;
    let (process, abi) = (None, Abi::Native);
    Tally { process, abi, number, calls, errors, timed: calls, wall, cpu, histogram }
}

/// read, close, getppid and one that is in no table.
fn some() -> Statistics {
    let tallies = vec![
        tally(0, 2, 0, [10, 4, 6]),
        tally(3, 3, 3, [70, 1, 50]),
        tally(110, 1, 0, [20, 20, 20]),
        tally(0xbad, 1, 1, [0, 0, 0]),
    ];
    Statistics { tallies, ..Statistics::default() }
}

fn style(columns: &[Column], sort: Option<Column>) -> Style {
    Style { columns: columns.to_vec(), sort, wall: false, histogram: false }
}

#[test]
fn the_table_of_columns_is_in_their_order() {
    for (place, kind) in KINDS.iter().enumerate() {
        assert_eq!(kind.column as usize, place);
        assert!(kind.heading.len() <= kind.width && kind.names.len() <= 3);
        for name in kind.names {
            assert_eq!(Column::find(name), Some(kind.column), "{name}");
            assert_eq!(Column::find(&name.replace('-', "_")), Some(kind.column));
        }
    }
    assert_eq!(Column::find("nonsense"), None);
}

#[test]
fn the_usual_table() {
    let table = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 70.00    0.000070          23         3         3 close
 20.00    0.000020          20         1           getppid
 10.00    0.000010           5         2           read
  0.00    0.000000           0         1         1 syscall_0xbad
------ ----------- ----------- --------- --------- ----------------
100.00    0.000100          14         7         4 total
";
    assert_eq!(style(&Column::USUAL, Some(Column::Part)).text(&some()), table);
    assert_eq!(style(&Column::USUAL, Some(Column::Part)).text(&Statistics::default()), "");
}

#[test]
fn columns_in_any_order_and_wall_times_beside_others() {
    use Column::*;
    let table = "\
syscall          shortest  longest  wall-total wall-min wall-max    wall-avg    errors
---------------- -------- -------- ----------- -------- -------- ----------- ---------
read             0.000004 0.000006    0.000020 0.000008 0.000012          10          
close            0.000001 0.000050    0.000140 0.000002 0.000100          46         3
getppid          0.000020 0.000020    0.000040 0.000040 0.000040          40          
syscall_0xbad    0.000000 0.000000    0.000000 0.000000 0.000000           0         1
---------------- -------- -------- ----------- -------- -------- ----------- ---------
total            0.000000 0.000050    0.000200 0.000000 0.000100          28         4
";
    let columns = [Name, Min, Max, WallTotal, WallMin, WallMax, WallAverage, Errors];
    assert_eq!(style(&columns, None).text(&some()), table);
}

#[test]
fn every_key_sorts() {
    use Column::*;
    let [read, close, getppid, bad] = ["read", "close", "getppid", "syscall_0xbad"];
    for (sort, names) in [
        (Some(Part), [close, getppid, read, bad]),
        (Some(Total), [close, getppid, read, bad]),
        (Some(Min), [getppid, read, close, bad]),
        (Some(Max), [close, getppid, read, bad]),
        (Some(Average), [close, getppid, read, bad]),
        (Some(WallTotal), [close, getppid, read, bad]),
        (Some(WallMin), [getppid, read, close, bad]),
        (Some(WallMax), [close, getppid, read, bad]),
        (Some(WallAverage), [close, getppid, read, bad]),
        (Some(Calls), [close, read, getppid, bad]),
        (Some(Errors), [close, bad, read, getppid]),
        (Some(Name), [close, getppid, read, bad]),
        (None, [read, close, getppid, bad]),
    ] {
        let text = style(&[Name], sort).text(&some());
        let lines: Vec<_> = text.lines().skip(2).take(4).collect();
        assert_eq!(lines, names, "{sort:?}");
    }
}

#[test]
fn each_abi_and_each_process_has_its_table() {
    let mut statistics = some();
    statistics.tallies.truncate(1);
    statistics.tallies.push(Tally { abi: Abi::Compat32, number: 64, ..statistics.tallies[0].clone() });
    let by_calls = style(&[Column::Calls, Column::Name], Some(Column::Calls));
    let head = "    calls syscall\n--------- ----------------\n";
    let table = |name: &str, calls: u64| {
        format!("{head}{calls:>9} {name}\n--------- ----------------\n{calls:>9} total\n")
    };
    let compat = "System call usage summary for 32 bit mode:\n";
    let both = |calls| format!("{}{compat}{}", table("read", calls), table("getppid", calls));
    assert_eq!(by_calls.text(&statistics), both(2));

    let of = |pid, tally: &Tally| Tally { process: Some(pid), ..tally.clone() };
    let tallies = &statistics.tallies;
    statistics.tallies = [7, 8].iter().flat_map(|pid| tallies.iter().map(|tally| of(*pid, tally))).collect();
    statistics.names.insert(7, b"a\x1b[".to_vec());
    let text =
        format!("process 7 (a\\x1b[):\n{}\nprocess 8:\n{}\nall 2 processes:\n{}", both(2), both(2), both(4));
    assert_eq!(by_calls.text(&statistics), text);
    statistics.tallies.truncate(2);
    assert_eq!(by_calls.text(&statistics), format!("process 7 (a\\x1b[):\n{}", both(2)));
}

#[test]
fn histograms() {
    let mut statistics = some();
    statistics.tallies.truncate(1);
    let tally = &mut statistics.tallies[0];
    (tally.calls, tally.timed) = (8, 7);
    for (bucket, count) in [(0, 1), (1, 0), (2, 4), (3, 0), (12, 2)] {
        tally.histogram[bucket] = count;
    }
    let shown = Style { histogram: true, ..style(&[Column::Name], None) }.text(&statistics);
    let (_, shown) = shown.split_once("total\n").expect("a table before");
    let mut lines = shown.lines();
    assert_eq!(lines.next(), Some(""));
    assert_eq!(lines.next(), Some("read: 7 calls by nanoseconds, 1 of unknown time"));
    let bar = |length| format!("|{:<52}|", "@".repeat(length));
    assert_eq!(lines.next(), Some(&*format!("[0, 1)                  1 {}", bar(13))));
    assert_eq!(lines.next(), Some(&*format!("[1, 2)                  0 {}", bar(0))));
    assert_eq!(lines.next(), Some(&*format!("[2, 4)                  4 {}", bar(52))));
    assert_eq!(lines.last(), Some(&*format!("[2K, 4K)                2 {}", bar(26))));
    assert_eq!((rounded(1 << 46), rounded(512)), ("64T".to_owned(), "512".to_owned()));
}
