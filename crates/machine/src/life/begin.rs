//! How a life begins: the hardware, what the guest is told of it, the services; and then it runs.

use std::sync::{Arc, Mutex};

use super::Life;
use crate::{
    Answerer, Error, Machine, Memory, Surroundings,
    board::Board,
    boot::files::Boot,
    bus::{Bus, Lines},
    deadlines::Deadlines,
    error_status::ErrorSource,
    hardware::{Hardware, address_bits},
    lent::Lent,
    nmi::{Nmi, Source},
    services::{Events, Services},
    session::LifeEnd,
    stolen_time::StolenTime,
};

impl Machine {
    /// Runs from power-on to the end. With `memory`, that of the life before is kept.
    pub(crate) fn live(
        &mut self,
        boot: Boot,
        kept: Option<Arc<Memory>>,
        around: Surroundings<'_>,
    ) -> Result<(LifeEnd, Arc<Memory>), Error> {
        let config = &self.config;
        let ipa_bits = address_bits(&self.kvm, config.memory)?;
        let memory = kept.map_or_else(|| Memory::new(config.memory).map(Arc::new), Ok)?;
        let records = (config.services.pv_time != Answerer::Nobody)
            .then(|| StolenTime::new(config.cpus.max))
            .transpose()?;
        let end = {
            // Made after the memory and so dropped before it: KVM never sees memory that is gone.
            let mut hardware = Hardware::new(&self.kvm, config, ipa_bits, &memory, records.as_ref())?;
            around.statistics.start().made_hardware(hardware.costs);
            self.files.copy(&boot, &memory)?;
            let board = self.board.get_or_insert_with(|| Arc::new(board(config, &hardware)));
            board.reset();
            let described =
                hardware.describe(config, &boot.placement, self.files.initrd_place(&boot), &memory, board)?;
            // The kernel is in the guest's memory now.
            drop(boot);
            let services = Services::new(config, &board.power, &self.external)?;
            // A policy has decided what is forwarded; otherwise it is what is answered here.
            let filter = config.plan.as_ref().map_or(services.firmware.filter(), |plan| &plan.filter);
            hardware.vm.install(filter)?;
            around.statistics.set_services(&services.firmware);
            around.statistics.set_hyperv(services.hyperv.as_ref());

            self.external.iter().for_each(|service| service.reset());
            let nmi = services.events.as_ref().map(|events| nmi(events, board, described.errors, &memory));
            let session = around.control.begin(board, nmi.map(Arc::new));
            let vcpus = std::mem::take(&mut hardware.vcpus);
            let lines = Lines::new(&hardware.vm, &session, services.events.as_ref(), around.statistics);
            let life = Life {
                services,
                host: Lent {
                    gate: Arc::clone(&self.gate),
                    memory: &memory,
                    stolen_time: records.as_ref(),
                    session: Arc::clone(&session),
                    lines: &lines,
                    statistics: around.statistics,
                    clock: Arc::clone(session.clock()),
                    counters: hardware.counters,
                },
                bus: Bus::new(&lines, Arc::clone(board), config.description)?,
                session,
                board: Arc::clone(board),
                measured: config.cpu_time,
                answered_by: config.psci,
                deadlines: Deadlines::new(),
                watchdog_asleep: Mutex::new(None),
                vm: &hardware.vm,
            };
            life.run(vcpus, described.entry, around)?
        };
        Ok((end, memory))
    }
}

fn nmi(events: &Arc<Events>, board: &Board, errors: Option<ErrorSource>, memory: &Arc<Memory>) -> Nmi {
    let memory = Arc::downgrade(memory);
    Nmi {
        events: Arc::clone(events),
        source: errors.map(|place| Source { place, memory }),
        affinities: board.affinities.clone(),
        turn: Mutex::new(()),
    }
}

fn board(config: &crate::Config, hardware: &Hardware) -> Board {
    let present = usize::try_from(config.cpus.boot).expect("addresses of arm64 have 64 bits");
    Board::new(&hardware.affinities, present, config.description)
}
