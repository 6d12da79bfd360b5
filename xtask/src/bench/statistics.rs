//! Medians and quartiles, and ratios of runs that stood next to each other.

/// The lower quartile, the median and the upper quartile, each the nearest measured value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quartiles {
    /// A quarter of the values are not above it.
    pub low: f64,
    /// The value in the middle.
    pub median: f64,
    /// A quarter of the values are not below it.
    pub high: f64,
}

impl Quartiles {
    /// Those of some values; `None` without any.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        // outwards where a quarter falls between two
        let last = values.len().checked_sub(1)?;
        let (low, high) = (last / 4, last - last / 4);
        Some(Self { low: values[low], median: values[last.div_ceil(2)], high: values[high] })
    }
}

/// What each round added to its first series, as a multiple of what it added to the second one's.
pub fn added_ratio(this: &[f64], base: &[f64], floor: &[f64]) -> Option<Quartiles> {
    let rounds = this.iter().zip(base).zip(floor);
    Quartiles::of(rounds.map(|((this, base), floor)| (this - base) / (floor - base)))
}

/// The ratio of two series, round by round.
pub fn ratio(this: &[f64], base: &[f64]) -> Option<Quartiles> {
    Quartiles::of(this.iter().zip(base).map(|(this, base)| this / base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_measured_values() {
        let of = Quartiles::of([5.0, 1.0, 3.0, 2.0, 4.0]);
        assert_eq!(of, Some(Quartiles { low: 2.0, median: 3.0, high: 4.0 }));
        assert_eq!(Quartiles::of([]), None);
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        assert_eq!(ratio(&[4.0, 30.0], &[2.0, 10.0]).unwrap().high, 3.0);
        assert_eq!(added_ratio(&[14.0], &[10.0], &[12.0]).unwrap().median, 2.0);
    }
}
