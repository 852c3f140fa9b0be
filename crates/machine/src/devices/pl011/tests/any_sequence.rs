//! Whatever a guest and a host do to a PL011.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Read(u64),
    Write(u64, u32),
    /// More than fits, in a few steps.
    Flood(u8, u16),
    Receive(Vec<u8>),
    Take,
}

fn step() -> impl Strategy<Value = Step> {
    let offset = || prop_oneof![4 => (0_u64..0x14).prop_map(|register| register * 4), 1 => any::<u64>()];
    prop_oneof![
        offset().prop_map(Step::Read),
        (offset(), any::<u32>()).prop_map(|(offset, value)| Step::Write(offset, value)),
        (any::<u8>(), 0_u16..5000).prop_map(|(byte, count)| Step::Flood(byte, count)),
        proptest::collection::vec(any::<u8>(), 0..80).prop_map(Step::Receive),
        Just(Step::Take),
    ]
}

proptest! {
    #[test]
    fn no_sequence_of_accesses_outgrows_a_queue_or_breaks_an_invariant(
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let mut uart = Pl011::new();
        let mut output = Vec::new();
        for step in steps {
            match step {
                Step::Read(offset) => { uart.read(offset); }
                Step::Write(offset, value) => uart.write(offset, value),
                Step::Flood(byte, count) => (0..count).for_each(|_| uart.write(DR, u32::from(byte))),
                Step::Receive(bytes) => {
                    let capacity = uart.receive_capacity();
                    prop_assert_eq!(uart.receive(&bytes), capacity.min(bytes.len()));
                }
                Step::Take => uart.take_transmitted(&mut output),
            }
            prop_assert!(uart.received.len() <= FIFO_DEPTH);
            prop_assert!(uart.transmitted.len() <= TRANSMIT_CAPACITY);
            let flags = uart.read(FR);
            prop_assert_eq!(flags & 0x10 != 0, uart.received.is_empty());
            prop_assert_eq!(flags & 0x20 != 0, uart.transmitted.len() == TRANSMIT_CAPACITY);
            prop_assert_eq!(uart.read(MIS), uart.read(RIS) & uart.read(IMSC));
            prop_assert_eq!(uart.interrupt_level() == Level::High, uart.read(MIS) != 0);
            // A driver that is told of room finds half a FIFO of it, at the level after reset.
            if uart.read(RIS) & TX != 0 && uart.read(LCR_H) & FEN != 0 && uart.read(IFLS) & 7 == 2 {
                prop_assert!(TRANSMIT_CAPACITY - uart.transmitted.len() >= 16);
            }
        }
    }
}
