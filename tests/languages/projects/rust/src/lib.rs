//! A buffer that forgets the oldest.

use std::collections::VecDeque;

/// The newest values, at most as many as its capacity.
///
/// ```
/// let mut ring = ring::Ring::new(1);
/// ring.push('a');
/// assert_eq!(ring.newest(), Some(&'a'));
/// ```
pub struct Ring<T> {
    values: VecDeque<T>,
    capacity: usize,
}

impl<T> Ring<T> {
    /// An empty ring.
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a ring needs room");
        Ring { values: VecDeque::new(), capacity }
    }

    /// Add a value, and give back the one that it displaces.
    pub fn push(&mut self, value: T) -> Option<T> {
        self.values.push_back(value);
        if self.values.len() > self.capacity {
            self.values.pop_back()
        } else {
            None
        }
    }

    /// The value that was added last.
    pub fn newest(&self) -> Option<&T> {
        self.values.back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_ring_has_nothing() {
        assert_eq!(Ring::<u8>::new(2).newest(), None);
    }

    #[test]
    #[should_panic(expected = "needs room")]
    fn a_ring_needs_room() {
        Ring::<u8>::new(0);
    }

    #[test]
    #[ignore = "slow"]
    fn a_large_ring() {}
}
