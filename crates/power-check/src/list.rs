//! The mistakes, by the invariants that they break.

use crate::invariant::Invariant;

/// In the table's source, a text becomes another.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    /// What is there.
    pub from: &'static str,
    /// What is there instead.
    pub to: &'static str,
    /// How often it is there.
    pub times: usize,
}

/// A mistake.
#[derive(Debug, Clone, Copy)]
pub struct Mutant {
    /// What is wrong.
    pub mistake: &'static str,
    /// What makes it so.
    pub changes: &'static [Change],
    /// The invariant whose models must notice.
    pub breaks: Invariant,
}

/// A change of a text that is there once.
#[must_use]
pub(crate) const fn change(from: &'static str, to: &'static str) -> Change {
    Change { from, to, times: 1 }
}

const fn mutant(breaks: Invariant, mistake: &'static str, changes: &'static [Change]) -> Mutant {
    Mutant { mistake, changes, breaks }
}

const COMPARE_EXCHANGE: &str =
    "self.word.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).map(drop)";
const LOAD_AND_STORE: &str = "match self.word.load(Ordering::Acquire) {
            word if word == from => { self.word.store(to, Ordering::Release); Ok(()) }
            word => Err(word),
        }";
const CLAIM: &str = "match cpu.step(OFF, CLAIMED) {";
const CLAIMS: &str = "            let claims = self.claims.load(Ordering::Acquire);\n";
const COUNT: &str = "self.alive.fetch_add(1, Ordering::SeqCst);\n";
const HAND_OVER: &str = "self.cpu.word.store(PENDING, Ordering::Release);\n";
const FORGET: &str = "core::mem::forget(self);";
const DROP: &str = "        self.table.alive.fetch_sub(1, Ordering::SeqCst);
        self.cpu.word.store(OFF, Ordering::Release);\n";
const GO_OFF: &str = "        self.alive.fetch_sub(1, Ordering::SeqCst);
        self.cpus[cpu.0].word.store(OFF, Ordering::Release);\n";
const LOOK: &str = "match cpu.word.load(Ordering::Acquire) {\n            PENDING => {";
const INFO: &str = "match self.cpus[cpu.0].word.load(Ordering::Acquire) {\n                DISABLED | OFF";
const IS_ALONE: &str = "self.alive.load(Ordering::SeqCst) == 1";
const ENABLE: &str = "self.cpus[cpu.0].step(DISABLED, OFF).is_ok()";
const DISABLE: &str = "self.cpus[cpu.0].step(OFF, DISABLED).map_err(CpuPower::of_word)";
const RESET: &str = "if !matches!(cpu.word.load(Ordering::Acquire), DISABLED | OFF) {";

/// All of them.
pub const MUTANTS: &[Mutant] = &[
    mutant(Invariant::OneWinner, "a step is a load and a store", &[change(COMPARE_EXCHANGE, LOAD_AND_STORE)]),
    mutant(
        Invariant::OneWinner,
        "a CPU that is claimed can be claimed",
        &[change(CLAIM, "match cpu.step(OFF, CLAIMED).or_else(|_| cpu.step(CLAIMED, CLAIMED)) {")],
    ),
    mutant(
        Invariant::OneWinner,
        "one that another one is starting is said to be disabled",
        &[change(
            "Err(CLAIMED | PENDING) => Err(Refusal::OnPending)",
            "Err(PENDING) => Err(Refusal::Disabled)",
        )],
    ),
    mutant(
        Invariant::WholeStart,
        "the start is written after it has been handed over",
        &[
            change("        self.cpu.write_start(start);\n", ""),
            change(
                HAND_OVER,
                "self.cpu.word.store(PENDING, Ordering::Release);\n        self.cpu.write_start(start);\n",
            ),
        ],
    ),
    mutant(
        Invariant::WholeStart,
        "a start is handed over without release",
        &[change(HAND_OVER, "self.cpu.word.store(PENDING, Ordering::Relaxed);\n")],
    ),
    mutant(
        Invariant::WholeStart,
        "a start is taken without acquire",
        &[change(LOOK, "match cpu.word.load(Ordering::Relaxed) {\n            PENDING => {")],
    ),
    mutant(
        Invariant::WholeStart,
        "a start is taken of a CPU that is only claimed",
        &[change("            PENDING => {\n", "            CLAIMED | PENDING => {\n")],
    ),
    mutant(
        Invariant::WholeStart,
        "who loses has written its start already",
        &[change(
            CLAIM,
            "cpu.address.store(0x4004, Ordering::Relaxed);\n        match cpu.step(OFF, CLAIMED) {",
        )],
    ),
    mutant(
        Invariant::NoLostWakeUp,
        "a thread that waits says once more that its CPU is off",
        &[change(
            "            DISABLED => Next::Leave,\n",
            "            OFF => { cpu.word.store(OFF, Ordering::Release); Next::Wait }\n            \
             DISABLED => Next::Leave,\n",
        )],
    ),
    mutant(
        Invariant::NoLostWakeUp,
        "a start is not handed over",
        &[change(HAND_OVER, "self.cpu.word.store(CLAIMED, Ordering::Release);\n")],
    ),
    mutant(
        Invariant::OffIsOff,
        "CPU_OFF without release",
        &[change(
            GO_OFF,
            "        self.alive.fetch_sub(1, Ordering::SeqCst);
        self.cpus[cpu.0].word.store(OFF, Ordering::Relaxed);\n",
        )],
    ),
    mutant(
        Invariant::OffIsOff,
        "AFFINITY_INFO without acquire",
        &[change(
            INFO,
            "match self.cpus[cpu.0].word.load(Ordering::Relaxed) {\n                DISABLED | OFF",
        )],
    ),
    mutant(
        Invariant::OffIsOff,
        "a CPU that is about to be on is OFF",
        &[
            change(
                "                DISABLED | OFF =>",
                "                DISABLED | OFF | CLAIMED | PENDING =>",
            ),
            change("                CLAIMED | PENDING => found = Some(AffinityState::OnPending),\n", ""),
        ],
    ),
    mutant(
        Invariant::OffIsOff,
        "a CPU that sleeps is OFF",
        &[change("                DISABLED | OFF =>", "                DISABLED | OFF | POWER_DOWN =>")],
    ),
    mutant(
        Invariant::OffIsOff,
        "a CPU in standby is OFF",
        &[change("                DISABLED | OFF =>", "                DISABLED | OFF | STANDBY =>")],
    ),
    mutant(
        Invariant::OffIsOff,
        "who is claimed during a look at several is not seen",
        &[change("self.claims.fetch_add(1, Ordering::AcqRel);\n", "")],
    ),
    mutant(
        Invariant::OffIsOff,
        "claims are looked at before a look, without acquire",
        &[change(CLAIMS, "            let claims = self.claims.load(Ordering::Relaxed);\n")],
    ),
    mutant(Invariant::Alone, "two are alone", &[change(IS_ALONE, "self.alive.load(Ordering::SeqCst) <= 2")]),
    mutant(
        Invariant::Alone,
        "alone, without acquire",
        &[change(IS_ALONE, "self.alive.load(Ordering::Relaxed) == 1")],
    ),
    mutant(
        Invariant::Alone,
        "a CPU is counted once its start has been handed over",
        &[
            change(COUNT, ""),
            change(
                HAND_OVER,
                "self.cpu.word.store(PENDING, Ordering::Release);
        self.table.alive.fetch_add(1, Ordering::SeqCst);\n",
            ),
            change(DROP, "        self.cpu.word.store(OFF, Ordering::Release);\n"),
        ],
    ),
    mutant(
        Invariant::Alone,
        "a CPU is off, and then no longer counted",
        &[change(
            GO_OFF,
            "        self.cpus[cpu.0].word.store(OFF, Ordering::Release);
        self.alive.fetch_sub(1, Ordering::SeqCst);\n",
        )],
    ),
    mutant(
        Invariant::Alone,
        "a CPU that goes off stays counted",
        &[change(GO_OFF, "        self.cpus[cpu.0].word.store(OFF, Ordering::Release);\n")],
    ),
    mutant(
        Invariant::Alone,
        "a CPU is no longer counted, without release",
        &[change(
            GO_OFF,
            "        self.alive.fetch_sub(1, Ordering::Relaxed);
        self.cpus[cpu.0].word.store(OFF, Ordering::Release);\n",
        )],
    ),
    mutant(
        Invariant::Alone,
        "the count is a load and a store",
        &[change(
            GO_OFF,
            "        self.alive.store(self.alive.load(Ordering::SeqCst) - 1, Ordering::SeqCst);
        self.cpus[cpu.0].word.store(OFF, Ordering::Release);\n",
        )],
    ),
    mutant(
        Invariant::DroppedClaim,
        "a claim that is dropped stays counted",
        &[change(DROP, "        self.cpu.word.store(OFF, Ordering::Release);\n")],
    ),
    mutant(
        Invariant::DroppedClaim,
        "a claim that is dropped stays a claim",
        &[change(DROP, "        self.table.alive.fetch_sub(1, Ordering::SeqCst);\n")],
    ),
    mutant(
        Invariant::DroppedClaim,
        "a claim that is dropped is handed over",
        &[change(DROP, "        self.cpu.word.store(PENDING, Ordering::Release);\n")],
    ),
    mutant(
        Invariant::DroppedClaim,
        "who does not get a claim is counted",
        &[
            change(COUNT, ""),
            change(
                CLAIM,
                "self.alive.fetch_add(1, Ordering::SeqCst);\n        match cpu.step(OFF, CLAIMED) {",
            ),
        ],
    ),
    mutant(
        Invariant::Policy,
        "a CPU that is on can be taken away",
        &[change(
            DISABLE,
            "self.cpus[cpu.0].step(OFF, DISABLED)
            .or_else(|word| self.cpus[cpu.0].step(ON, DISABLED).map_err(|_| word))
            .map_err(CpuPower::of_word)",
        )],
    ),
    mutant(
        Invariant::Policy,
        "a CPU that is about to be on can be taken away",
        &[change(
            DISABLE,
            "self.cpus[cpu.0].step(OFF, DISABLED)
            .or_else(|word| self.cpus[cpu.0].step(PENDING, DISABLED).map_err(|_| word))
            .map_err(CpuPower::of_word)",
        )],
    ),
    mutant(
        Invariant::Policy,
        "a CPU that sleeps can be taken away",
        &[change(
            DISABLE,
            "self.cpus[cpu.0].step(OFF, DISABLED)
            .or_else(|word| self.cpus[cpu.0].step(POWER_DOWN, DISABLED).map_err(|_| word))
            .map_err(CpuPower::of_word)",
        )],
    ),
    mutant(
        Invariant::Policy,
        "a CPU is taken away by a load and a store",
        &[change(
            DISABLE,
            "match self.cpus[cpu.0].word.load(Ordering::Acquire) {
            OFF => { self.cpus[cpu.0].word.store(DISABLED, Ordering::Release); Ok(()) }
            word => Err(CpuPower::of_word(word)),
        }",
        )],
    ),
    mutant(
        Invariant::Policy,
        "the guest gets a CPU whatever it is",
        &[change(ENABLE, "{ self.cpus[cpu.0].word.store(OFF, Ordering::Release); true }")],
    ),
    mutant(
        Invariant::Policy,
        "the guest gets a CPU by a load and a store",
        &[change(
            ENABLE,
            "match self.cpus[cpu.0].word.load(Ordering::Acquire) {
            DISABLED => { self.cpus[cpu.0].word.store(OFF, Ordering::Release); true }
            _ => false,
        }",
        )],
    ),
    mutant(
        Invariant::Policy,
        "a CPU that the guest may not have can be claimed",
        &[change(CLAIM, "match cpu.step(OFF, CLAIMED).or_else(|_| cpu.step(DISABLED, CLAIMED)) {")],
    ),
    mutant(
        Invariant::Policy,
        "the thread of a CPU that was taken away stays",
        &[change("            DISABLED => Next::Leave,\n", "")],
    ),
    mutant(
        Invariant::Stop,
        "who is first is a load and a store",
        &[change(
            "!self.stopped.swap(true, Ordering::SeqCst)",
            "{ let first = !self.stopped.load(Ordering::SeqCst); self.stopped.store(true, Ordering::SeqCst); first }",
        )],
    ),
    mutant(
        Invariant::Stop,
        "a start is taken though the machine has stopped",
        &[change(
            "if self.is_stopped() {",
            "if self.is_stopped() && cpu.word.load(Ordering::Acquire) != PENDING {",
        )],
    ),
    mutant(
        Invariant::Stop,
        "the machine stops, and nobody leaves",
        &[change("if self.is_stopped() {", "if false {")],
    ),
    mutant(Invariant::Stop, "a new life has every CPU", &[change(RESET, "if true {")]),
    mutant(
        Invariant::Stop,
        "a new life has a CPU that is taken away just then",
        &[change(RESET, "if cpu.word.load(Ordering::Acquire) != DISABLED {")],
    ),
    mutant(
        Invariant::Stop,
        "a new life counts the CPUs of the old one",
        &[change("        self.alive.store(0, Ordering::SeqCst);\n", "")],
    ),
    mutant(
        Invariant::Stop,
        "a new life has stopped already",
        &[change("        self.stopped.store(false, Ordering::SeqCst);\n", "")],
    ),
    mutant(Invariant::Generations, "a start that was handed over is dropped", &[change(FORGET, "")]),
    mutant(
        Invariant::Generations,
        "a start that was handed over takes back any claim",
        &[
            change(FORGET, ""),
            change(
                DROP,
                "        if self.cpu.step(CLAIMED, OFF).is_ok() {
            self.table.alive.fetch_sub(1, Ordering::SeqCst);
        }\n",
            ),
        ],
    ),
];
