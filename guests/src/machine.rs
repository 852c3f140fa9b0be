//! The machine, as its FDT describes it, and the command line where it knows better.

use crate::{
    args::{self, Args},
    console::{self, Uart},
    fdt::{self, Node},
    smccc::Conduit,
};

/// As in `entry.s`.
pub const MAX_CPUS: usize = 64;

/// Above are no devices: `entry.s` maps only the first GiB as Device memory.
const DEVICES_END: usize = 0x4000_0000;

#[derive(Clone, Copy)]
pub struct Gic {
    pub distributor: usize,
    pub redistributors: usize,
    pub redistributors_size: usize,
}

pub struct Machine {
    pub args: Args<'static>,
    /// What `/chosen` calls the console: its node's name.
    stdout: Option<&'static str>,
    console: Option<Uart>,
    /// What `/psci` says.
    pub conduit: Option<Conduit>,
    pub gic: Option<Gic>,
    /// Where a PL061 is.
    pub gpio: Option<usize>,
    /// The memory regions: (base, size). The first few are enough.
    memory: [(u64, u64); 4],
    cpus: [u64; MAX_CPUS],
    cpu_count: usize,
}

impl Machine {
    /// Reads the FDT, and turns the console on.
    ///
    /// # Safety
    ///
    /// As [`fdt::walk`].
    pub unsafe fn discover(fdt: usize) -> Option<Self> {
        let mut machine = Self {
            args: Args(""),
            stdout: None,
            console: None,
            conduit: None,
            gic: None,
            gpio: None,
            memory: [(0, 0); 4],
            cpus: [0; MAX_CPUS],
            cpu_count: 0,
        };
        // SAFETY: the caller's.
        unsafe { fdt::walk(fdt, |node| machine.choose(node))? };
        // SAFETY: the caller's.
        unsafe { fdt::walk(fdt, |node| machine.add(node))? };
        machine.override_by_arguments();
        if let Some(uart) = machine.console {
            console::set(uart);
        }
        Some(machine)
    }

    /// What `/chosen` says, wherever in the tree it is.
    fn choose(&mut self, node: &Node<'static>) {
        if (node.depth, node.name) == (2, "chosen") {
            self.args = Args(fdt::text(node.bootargs).unwrap_or(""));
            // `/soc/serial@1000:115200`; an alias names no node here.
            let path = fdt::text(node.stdout_path).and_then(|text| text.split(':').next());
            self.stdout = path.and_then(|path| path.rsplit_once('/')).map(|(_, name)| name);
        }
    }

    /// What the command line says, for a machine whose FDT does not.
    fn override_by_arguments(&mut self) {
        if let Some(uart) = self.args.value("console").and_then(Uart::from_argument) {
            self.console = Some(uart);
        }
        if let Some(list) = self.args.value("cpus") {
            self.cpu_count = 0;
            for (slot, affinity) in self.cpus.iter_mut().zip(list.split(',').filter_map(args::number)) {
                *slot = affinity;
                self.cpu_count += 1;
            }
        }
    }

    fn add(&mut self, node: &Node<'static>) {
        match (node.depth, node.name) {
            (2, "psci") => self.conduit = fdt::text(node.method).and_then(Conduit::from_name),
            _ if fdt::text(node.device_type) == Some("cpu") => self.add_cpu(node),
            _ if fdt::text(node.device_type) == Some("memory") => self.add_memory(node),
            _ if node.is_compatible("arm,gic-v3") => self.gic = gic(node),
            _ if node.is_compatible("arm,pl061") => self.gpio = device(node, 0).map(|(base, _)| base),
            _ => self.add_console(node),
        }
    }

    /// The one that `/chosen` names, or else the first.
    fn add_console(&mut self, node: &Node<'static>) {
        let Some(uart) = Uart::of_kind(|with| node.is_compatible(with)) else { return };
        if let Some((base, _)) = device(node, 0)
            && (self.console.is_none() || self.stdout == Some(node.name))
        {
            self.console = Some(uart(base));
        }
    }

    fn add_cpu(&mut self, node: &Node<'_>) {
        if let (Some((affinity, _)), Some(slot)) = (node.region(0), self.cpus.get_mut(self.cpu_count)) {
            *slot = affinity;
            self.cpu_count += 1;
        }
    }

    fn add_memory(&mut self, node: &Node<'_>) {
        for (index, slot) in self.memory.iter_mut().filter(|slot| slot.1 == 0).enumerate() {
            *slot = node.region(index).unwrap_or((0, 0));
        }
    }

    /// The affinities of all CPUs, in the order of the FDT.
    pub fn cpus(&self) -> &[u64] {
        &self.cpus[..self.cpu_count]
    }

    /// The index of the CPU that calls this.
    pub fn this_cpu(&self) -> Option<usize> {
        let affinity = crate::cpu::affinity();
        self.cpus().iter().position(|&cpu| cpu == affinity)
    }

    /// All CPUs but the one that calls this: (index, affinity).
    pub fn other_cpus(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let affinity = crate::cpu::affinity();
        self.cpus().iter().copied().enumerate().filter(move |&(_, cpu)| cpu != affinity)
    }

    /// An affinity that no CPU has, nor shares at level 1 or 2.
    pub fn absent_cpu(&self) -> u64 {
        let is_free = |aff2: &u64| self.cpus().iter().all(|cpu| cpu >> 16 & 0xff != *aff2);
        let aff2 = (1..=0xff).rev().find(is_free).expect("64 CPUs have no 255 values of Aff2");
        aff2 << 16 | 0x0101
    }

    /// The middle of the first region of memory, at a page: neither the image nor the FDT is there.
    pub fn middle_of_memory(&self) -> Option<usize> {
        let (base, size) = self.memory.into_iter().find(|region| region.1 != 0)?;
        usize::try_from(base + size / 2).ok().map(|middle| middle & !0xfff)
    }

    /// Does the FDT say that there is memory?
    pub fn is_memory(&self, address: u64) -> bool {
        self.memory.iter().any(|&(base, size)| address.wrapping_sub(base) < size)
    }

    /// An address below 4 GiB outside memory.
    pub fn hole(&self) -> u64 {
        self.memory.iter().filter(|region| region.1 != 0).map(|region| region.0).min().unwrap_or(4) - 4
    }
}

fn device(node: &Node<'_>, index: usize) -> Option<(usize, usize)> {
    let (base, size) = node.region(index)?;
    let (base, size) = (usize::try_from(base).ok()?, usize::try_from(size).ok()?);
    (base.checked_add(size)? <= DEVICES_END).then_some((base, size))
}

fn gic(node: &Node<'_>) -> Option<Gic> {
    let (distributor, _) = device(node, 0)?;
    let (redistributors, redistributors_size) = device(node, 1)?;
    Some(Gic { distributor, redistributors, redistributors_size })
}
