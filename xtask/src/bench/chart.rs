//! The chart: what a traced call costs, as bars on a logarithmic scale.

use std::fmt::Write;
use std::fs;

use super::results::Results;
use super::statistics::Quartiles;
use super::variants::{BPFTRACE, FLOOR, PERF, RSTRACE, STRACE, STRACE_PINNED, UNTRACED};
use crate::{Result, process};

const FILE: &str = "docs/src/performance.svg";
const WORKLOADS: &[(&str, &str)] =
    &[("getppid", "getppid"), ("read32", "read of 32 bytes"), ("open", "open and close, each")];
const VARIANTS: &[(&str, &str)] = &[
    (UNTRACED, "#8c8c8c"),
    (FLOOR, "#b8a038"),
    (RSTRACE, "#2a9d5c"),
    (BPFTRACE, "#8a63c9"),
    (PERF, "#4a8fd0"),
    (STRACE_PINNED, "#e08a4a"),
    (STRACE, "#d0503c"),
];

const LEFT: f64 = 190.0;
const WIDTH: f64 = 480.0;
const BAR: f64 = 16.0;
/// The powers of ten at which the scale begins and ends.
const SCALE: (i32, i32) = (2, 5);

/// Writes the chart if its workloads were measured; whether they were.
pub fn write(results: &Results) -> Result<bool> {
    let Some(text) = svg(results) else { return Ok(false) };
    let path = process::top().join(FILE);
    fs::write(&path, text).map_err(|error| format!("cannot write {FILE}: {error}"))?;
    Ok(true)
}

fn svg(results: &Results) -> Option<String> {
    let mut body = String::new();
    let mut y = 60.0;
    for (id, title) in WORKLOADS {
        results.0.get(id)?;
        let _ = writeln!(body, "<text x=\"8\" y=\"{:.0}\" font-weight=\"bold\">{title}</text>", y + 12.0);
        y += 20.0;
        for (variant, colour) in VARIANTS {
            let values = results.series(id, variant).map(|series| series.values.iter().copied());
            let Some(values) = values.and_then(Quartiles::of) else { continue };
            let (end, middle) = (LEFT + place(values.median), y + BAR - 4.0);
            let _ = writeln!(
                body,
                "<text x=\"{:.0}\" y=\"{middle:.0}\" text-anchor=\"end\">{variant}</text>\
                 <rect x=\"{LEFT}\" y=\"{y:.0}\" width=\"{:.1}\" height=\"{:.0}\" fill=\"{colour}\"/>\
                 <text x=\"{:.0}\" y=\"{middle:.0}\">{:.0}</text>",
                LEFT - 8.0,
                end - LEFT,
                BAR - 3.0,
                end + 5.0,
                values.median
            );
            y += BAR;
        }
        y += 12.0;
    }
    let mut scale = String::new();
    for power in SCALE.0..=SCALE.1 {
        let value = 10_f64.powi(power);
        let x = LEFT + place(value);
        let _ = writeln!(
            scale,
            "<line x1=\"{x:.1}\" y1=\"52\" x2=\"{x:.1}\" y2=\"{y:.0}\" stroke=\"#808080\" stroke-opacity=\"0.4\"/>\
             <text x=\"{x:.0}\" y=\"46\" text-anchor=\"middle\">{value:.0} ns</text>"
        );
    }
    let (width, height) = (LEFT + WIDTH + 60.0, y + 8.0);
    // the grey of the text can be read on light and on dark ground
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"#7a7a7a\">\n\
         <title>Time of one system call, by tracer</title>\n\
         <text x=\"8\" y=\"20\" font-size=\"15\" font-weight=\"bold\">\
         Time of one system call, every call traced into a file (median, logarithmic)</text>\n\
         {scale}{body}</svg>\n"
    ))
}

/// How far from the left a value is.
fn place(value: f64) -> f64 {
    let (first, last) = (f64::from(SCALE.0), f64::from(SCALE.1));
    ((value.log10() - first) / (last - first)).clamp(0.0, 1.0) * WIDTH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_power_of_ten() {
        assert_eq!((place(10.0), place(100.0), place(100_000.0)), (0.0, 0.0, WIDTH));
        assert!((place(1_000.0) - WIDTH / 3.0).abs() < 1e-6);
    }

    #[test]
    fn there_is_no_chart_of_nothing() {
        assert_eq!(svg(&Results::default()), None);
    }
}
