//! Which elements of two sequences belong together, so that one that is missing is one difference.

/// Steps that an alignment may take: beyond them the sequences have nothing to do with each other.
const STEPS: usize = 3000;

/// The pairs of equal elements in a longest common subsequence (Myers, "An O(ND) Difference Algorithm", 1986), in
/// ascending order; `None` if the sequences differ in too many places.
pub fn common<T: PartialEq>(a: &[T], b: &[T]) -> Option<Vec<(usize, usize)>> {
    let begin = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a_rest, b_rest) = (&a[begin..], &b[begin..]);
    let end = a_rest.iter().rev().zip(b_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let middle = between(&a_rest[..a_rest.len() - end], &b_rest[..b_rest.len() - end])?;
    let middle = middle.into_iter().map(|(i, j)| (i + begin, j + begin));
    let tail = (0..end).map(|i| (a.len() - end + i, b.len() - end + i));
    Some((0..begin).map(|i| (i, i)).chain(middle).chain(tail).collect())
}

/// The same for what is left without a common beginning and end.
fn between<T: PartialEq>(a: &[T], b: &[T]) -> Option<Vec<(usize, usize)>> {
    let (n, m) = (a.len() as isize, b.len() as isize);
    if n == 0 || m == 0 {
        return Some(Vec::new());
    }
    let most = (a.len() + b.len()).min(STEPS);
    // by diagonal (x - y), shifted by `most + 1`: how far along `a` so many steps lead
    let shift = most as isize + 1;
    let mut furthest = vec![0isize; 2 * most + 3];
    let mut history: Vec<Vec<isize>> = Vec::new();
    for steps in 0..=most as isize {
        history.push(furthest[(shift - steps - 1) as usize..=(shift + steps + 1) as usize].to_vec());
        for diagonal in (-steps..=steps).step_by(2) {
            let at = |k: isize| furthest[(shift + k) as usize];
            let down = diagonal == -steps || (diagonal != steps && at(diagonal - 1) < at(diagonal + 1));
            let mut x = if down { at(diagonal + 1) } else { at(diagonal - 1) + 1 };
            let mut y = x - diagonal;
            while x < n && y < m && a[x as usize] == b[y as usize] {
                (x, y) = (x + 1, y + 1);
            }
            furthest[(shift + diagonal) as usize] = x;
            if x >= n && y >= m {
                return Some(way_back(&history, (n, m)));
            }
        }
    }
    None
}

/// The equal pairs on the way to the end, from what was known before each step.
fn way_back(history: &[Vec<isize>], (mut x, mut y): (isize, isize)) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (steps, furthest) in history.iter().enumerate().rev() {
        let steps = steps as isize;
        let at = |k: isize| furthest[(k + steps + 1) as usize];
        let diagonal = x - y;
        let down = diagonal == -steps || (diagonal != steps && at(diagonal - 1) < at(diagonal + 1));
        let before = if down { diagonal + 1 } else { diagonal - 1 };
        let (from_x, from_y) = if steps == 0 { (0, 0) } else { (at(before), at(before) - before) };
        while x > from_x && y > from_y {
            (x, y) = (x - 1, y - 1);
            pairs.push((x as usize, y as usize));
        }
        (x, y) = (from_x, from_y);
    }
    pairs.reverse();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(a: &str, b: &str) -> String {
        let (a, b): (Vec<_>, Vec<_>) = (a.chars().collect(), b.chars().collect());
        let pairs = common(&a, &b).expect("short sequences can be aligned");
        assert!(pairs.is_sorted());
        assert!(pairs.iter().all(|(i, j)| a[*i] == b[*j]));
        pairs.into_iter().map(|(i, _)| a[i]).collect()
    }

    #[test]
    fn the_longest_common_subsequence_is_found() {
        for (a, b, both) in [
            ("", "", ""),
            ("abc", "abc", "abc"),
            ("abc", "", ""),
            ("abc", "xyz", ""),
            ("abcdef", "abdef", "abdef"),
            ("abdef", "abcdef", "abdef"),
            ("axbycz", "abc", "abc"),
            ("abcabba", "cbabac", "baba"),
            ("aaaa", "aa", "aa"),
            ("xaaay", "zaaaw", "aaa"),
        ] {
            assert_eq!(shared(a, b).len(), both.len(), "{a} {b}");
        }
    }

    #[test]
    fn what_has_nothing_in_common_is_given_up() {
        let (a, b): (Vec<_>, Vec<_>) = ((0..2 * STEPS).collect(), (2 * STEPS..4 * STEPS).collect());
        assert_eq!(common(&a, &b), None);
    }
}
