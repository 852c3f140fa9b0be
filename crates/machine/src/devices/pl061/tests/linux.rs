//! What Linux's `gpio-pl061` and `gpio-keys` do with a button, access by access.

use super::*;

/// As the driver's probe leaves it, and `gpio-keys` asking for both edges of an input (`pl061_irq_type`).
fn with_a_key_on_line_3() -> Pl061 {
    let mut gpio = Pl061::new();
    gpio.write(IE, 0);
    gpio.write(IS, gpio.read(IS) & !LINE_3);
    gpio.write(IBE, gpio.read(IBE) | LINE_3);
    gpio.write(IE, gpio.read(IE) | LINE_3);
    gpio
}

#[test]
fn a_key_that_is_pressed_and_released_is_two_interrupts() {
    let mut gpio = with_a_key_on_line_3();
    for (level, value) in [(Level::High, LINE_3), (Level::Low, 0)] {
        gpio.set_input(3, level);
        assert_eq!(gpio.interrupt_level(), Level::High);
        assert_eq!(gpio.read(MIS), LINE_3);
        // `pl061_irq_ack`, then `pl061_get_value` of this line alone.
        gpio.write(IC, LINE_3);
        assert_eq!(gpio.interrupt_level(), Level::Low);
        assert_eq!(gpio.read(u64::from(LINE_3) << 2), value);
    }
}

#[test]
fn an_output_takes_its_value_once_it_is_one() {
    // `pl061_direction_output` writes the value before and after.
    let mut gpio = Pl061::new();
    gpio.write(0x010, 0x04);
    assert_eq!(gpio.read(0x010), 0);
    gpio.write(DIR, 0x04);
    gpio.write(0x010, 0x04);
    assert_eq!(gpio.read(0x010), 0x04);
}
