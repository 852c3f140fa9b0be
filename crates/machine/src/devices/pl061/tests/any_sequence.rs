//! Whatever a guest and a host do to a PL061.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Read(u64),
    Write(u64, u32),
    SetInput(u32, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let offset = || {
        prop_oneof![
            4 => (0_u64..10).prop_map(|register| 0x400 + register * 4),
            2 => (0_u64..0x100).prop_map(|lines| lines * 4),
            1 => any::<u64>(),
        ]
    };
    prop_oneof![
        offset().prop_map(Step::Read),
        (offset(), any::<u32>()).prop_map(|(offset, value)| Step::Write(offset, value)),
        (prop_oneof![8 => 0_u32..8, 1 => any::<u32>()], any::<bool>())
            .prop_map(|(line, high)| Step::SetInput(line, high)),
    ]
}

proptest! {
    #[test]
    fn no_sequence_of_accesses_breaks_an_invariant(steps in proptest::collection::vec(step(), 0..100)) {
        let mut gpio = Pl061::new();
        let mut outside = 0;
        for step in steps {
            match step {
                Step::Read(offset) => prop_assert!(gpio.read(offset) <= 0xff),
                Step::Write(offset, value) => gpio.write(offset, value),
                Step::SetInput(line, high) => {
                    gpio.set_input(line, if high { Level::High } else { Level::Low });
                    if let Some(line) = (line < 8).then(|| 1 << line) {
                        outside = if high { outside | line } else { outside & !line };
                    }
                }
            }
            let inputs = !gpio.read(DIR) & 0xff;
            prop_assert_eq!(gpio.read(DATA) & inputs, outside & inputs);
            prop_assert_eq!(gpio.read(MIS), gpio.read(RIS) & gpio.read(IE));
            prop_assert_eq!(gpio.interrupt_level() == Level::High, gpio.read(MIS) != 0);
            let by_level = gpio.read(IS) & inputs;
            prop_assert_eq!(gpio.read(RIS) & by_level, !(outside ^ gpio.read(IEV)) & by_level);
            let mut cleared = gpio.clone();
            cleared.write(IC, u32::MAX);
            prop_assert_eq!(cleared.read(RIS) & !by_level, 0);
        }
    }
}
