//! The escape character of a console on a terminal.

use std::collections::VecDeque;

/// `^A`.
const ESCAPE: u8 = 1;

/// Finds escape sequences in what is typed: `^A x` leaves, `^A ^A` and `^A a` are a `^A` for the guest. After
/// any other character both are the guest's.
#[derive(Debug, Default)]
pub(super) struct Escape {
    seen: bool,
}

/// What was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typed {
    /// Only characters for the guest.
    Characters,
    /// The sequence that leaves.
    Leave,
}

impl Escape {
    /// Appends to `guest` what is for the guest. What comes after the sequence that leaves is dropped.
    pub(super) fn filter(&mut self, typed: &[u8], guest: &mut VecDeque<u8>) -> Typed {
        for &byte in typed {
            if !self.seen {
                self.seen = byte == ESCAPE;
                if !self.seen {
                    guest.push_back(byte);
                }
                continue;
            }
            self.seen = false;
            match byte {
                b'x' => return Typed::Leave,
                b'a' | ESCAPE => guest.push_back(ESCAPE),
                _ => guest.extend([ESCAPE, byte]),
            }
        }
        Typed::Characters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(chunks: &[&[u8]]) -> (Vec<u8>, Typed) {
        let mut escape = Escape::default();
        let mut guest = VecDeque::new();
        let mut typed = Typed::Characters;
        for chunk in chunks {
            typed = escape.filter(chunk, &mut guest);
        }
        (guest.into(), typed)
    }

    #[test]
    fn ordinary_characters_are_the_guests() {
        assert_eq!(filter(&[b"ls -l\r", b"\x03"]), (b"ls -l\r\x03".to_vec(), Typed::Characters));
    }

    #[test]
    fn control_a_x_leaves_even_when_it_comes_in_two_pieces() {
        assert_eq!(filter(&[b"a\x01", b"xb"]), (b"a".to_vec(), Typed::Leave));
    }

    #[test]
    fn control_a_twice_or_followed_by_a_is_one_control_a() {
        assert_eq!(filter(&[b"\x01\x01x"]), (b"\x01x".to_vec(), Typed::Characters));
        assert_eq!(filter(&[b"\x01ax"]), (b"\x01x".to_vec(), Typed::Characters));
    }

    #[test]
    fn control_a_and_any_other_character_are_both_the_guests() {
        assert_eq!(filter(&[b"\x01k"]), (b"\x01k".to_vec(), Typed::Characters));
    }
}
