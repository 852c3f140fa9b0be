//! A storm that stops moving ends the run, and says where it stopped: whichever CPU still runs does so.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::ledger::{Item, LEDGER};
use crate::{
    console::println,
    cpu, psci,
    sdei::{faults, lines::Line},
    tap::Report,
};

/// Without an event for so long, nothing moves.
const PATIENCE_MS: u64 = 60_000;
/// How often the first CPU says how far it is.
const SAY_MS: u64 = 5_000;

static TAKEN: AtomicU64 = AtomicU64::new(0);
static SINCE: AtomicU64 = AtomicU64::new(0);
static SAID: AtomicU64 = AtomicU64::new(0);
static IS_TOLD: AtomicBool = AtomicBool::new(false);

pub fn begin() {
    TAKEN.store(0, Ordering::Release);
    SINCE.store(cpu::ticks(), Ordering::Release);
    SAID.store(cpu::ticks(), Ordering::Release);
}

/// Anything but an event that counts as movement.
pub fn moved() {
    SINCE.store(cpu::ticks(), Ordering::Release);
}

/// Looks, from any CPU.
pub fn look(cpu: usize) {
    let now = cpu::ticks();
    let taken = LEDGER.taken();
    if TAKEN.swap(taken, Ordering::AcqRel) != taken {
        SINCE.store(now, Ordering::Release);
    } else if now.saturating_sub(SINCE.load(Ordering::Acquire)) > cpu::ticks_in_ms(PATIENCE_MS) {
        give_up(cpu);
    }
    if cpu == 0 && now.saturating_sub(SAID.load(Ordering::Acquire)) > cpu::ticks_in_ms(SAY_MS) {
        SAID.store(now, Ordering::Release);
        println!("# sdei_storm taken={taken}");
    }
}

fn give_up(cpu: usize) {
    if IS_TOLD.swap(true, Ordering::AcqRel) {
        cpu::park();
    }
    println!("# sdei_storm no event for {PATIENCE_MS} ms, says CPU {cpu}");
    for (index, page) in LEDGER.pages() {
        page.print(index);
        println!(
            "# sdei_storm cpu={index} off={} depth={} wants_event={} waits_for_event={}",
            page.is_off.load(Ordering::Acquire),
            page.depth.get(),
            page.wants_event.load(Ordering::Acquire),
            !LEDGER.is_free(Item::Signalled(index)),
        );
    }
    for (item, name) in [(Item::Bound(Line::Uart), "33"), (Item::Bound(Line::Gpio), "34")] {
        if !LEDGER.is_free(item) {
            println!("# sdei_storm the event of interrupt {name} is not taken, or not given back");
        }
    }
    let mut report = Report::new(false);
    faults::check(&mut report);
    println!("Bail out! sdei_storm has stopped after {} events", LEDGER.taken());
    psci::system_off()
}
