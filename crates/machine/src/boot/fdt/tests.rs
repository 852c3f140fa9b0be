//! Device trees, read back by a parser that is not ours.

use fdt::{Fdt, node::FdtNode};

use switchboard_firmware::psci::{PsciVersion, idle_states};

use super::*;

const IDLE_STATES: &[IdleState] = idle_states();

/// 256 MiB, CPUs 0.0.0.0 and 1.0.0.1, everything that is optional.
fn machine(cpus: &[Mpidr]) -> Description<'_> {
    Description {
        memory: 0x1000_0000,
        bootargs: "console=ttyAMA0 quiet",
        initrd: Some(InitialRamDisk { address: Ipa(0x4220_0000), size: 0x12_3456 }),
        kaslr_seed: Some(0x0123_4567_89ab_cdef),
        rng_seed: b"thirty-two bytes of no entropy!!",
        cpus,
        idle_states: IDLE_STATES,
        conduit: Conduit::Hvc,
        psci_version: PsciVersion::V1_3,
        interrupt_controller: InterruptController::V3,
        pmu: true,
        watchdog: None,
        sdei: None,
    }
}

fn two_cpus() -> [Mpidr; 2] {
    [0, 0x1_0000_0001].map(Mpidr::from_register)
}

fn cells(node: FdtNode<'_, '_>, property: &str) -> Vec<u32> {
    let value = node.property(property).unwrap_or_else(|| panic!("{} has no {property}", node.name)).value;
    value.chunks(4).map(|cell| u32::from_be_bytes(cell.try_into().unwrap())).collect()
}

fn strings_of<'a>(node: FdtNode<'_, 'a>, property: &str) -> Vec<&'a str> {
    let value = node.property(property).unwrap_or_else(|| panic!("{} has no {property}", node.name)).value;
    std::str::from_utf8(value).unwrap().trim_end_matches('\0').split('\0').collect()
}

/// Calls `check` with the node at `path`.
fn with_node(machine: &Description<'_>, path: &str, check: impl FnOnce(FdtNode<'_, '_>)) {
    let bytes = build(machine).unwrap();
    let tree = Fdt::new(&bytes).unwrap();
    check(tree.find_node(path).unwrap_or_else(|| panic!("there is no {path}")));
}

fn has_node(machine: &Description<'_>, path: &str) -> bool {
    let bytes = build(machine).unwrap();
    Fdt::new(&bytes).unwrap().find_node(path).is_some()
}

#[test]
fn the_root_names_the_machine() {
    with_node(&machine(&two_cpus()), "/", |root| {
        assert_eq!(strings_of(root, "compatible"), ["switchboard,machine", "linux,dummy-virt"]);
        assert_eq!(cells(root, "interrupt-parent"), [1]);
    });
}

#[test]
fn chosen_tells_the_kernel_its_command_line_console_initrd_and_seeds() {
    with_node(&machine(&two_cpus()), "/chosen", |chosen| {
        assert_eq!(strings_of(chosen, "bootargs"), ["console=ttyAMA0 quiet"]);
        assert_eq!(strings_of(chosen, "stdout-path"), ["/serial@9000000"]);
        assert_eq!(cells(chosen, "linux,initrd-start"), [0, 0x4220_0000]);
        assert_eq!(cells(chosen, "linux,initrd-end"), [0, 0x4232_3456]);
        assert_eq!(cells(chosen, "kaslr-seed"), [0x0123_4567, 0x89ab_cdef]);
        assert_eq!(strings_of(chosen, "rng-seed"), ["thirty-two bytes of no entropy!!"]);
    });
}

#[test]
fn a_watchdog_is_told_by_its_function() {
    let cpus = two_cpus();
    let watched = Description { watchdog: Some(FunctionId(0x8200_3d06)), ..machine(&cpus) };
    with_node(&watched, "/watchdog", |watchdog| {
        assert_eq!(strings_of(watchdog, "compatible"), ["arm,smc-wdt"]);
        assert_eq!(cells(watchdog, "arm,smc-id"), [0x8200_3d06]);
        assert_eq!(cells(watchdog, "timeout-sec"), [30]);
    });
    assert!(!has_node(&machine(&cpus), "/watchdog"));
}

#[test]
fn sdei_is_called_over_its_own_conduit_and_is_below_firmware() {
    let cpus = two_cpus();
    for (conduit, method) in [(Conduit::Hvc, "hvc"), (Conduit::Smc, "smc")] {
        let with_sdei = Description { sdei: Some(conduit), conduit: Conduit::Hvc, ..machine(&cpus) };
        with_node(&with_sdei, "/firmware/sdei", |sdei| {
            assert_eq!(strings_of(sdei, "compatible"), ["arm,sdei-1.0"]);
            assert_eq!(strings_of(sdei, "method"), [method]);
        });
    }
}

#[test]
fn what_the_machine_has_not_is_not_in_its_tree() {
    let cpus = two_cpus();
    let bare = Description {
        initrd: None,
        kaslr_seed: None,
        rng_seed: &[],
        idle_states: &[],
        pmu: false,
        ..machine(&cpus)
    };
    with_node(&bare, "/chosen", |chosen| {
        for property in ["linux,initrd-start", "linux,initrd-end", "kaslr-seed", "rng-seed"] {
            assert!(chosen.property(property).is_none(), "{property}");
        }
    });
    with_node(&bare, "/cpus/cpu@0", |cpu| assert!(cpu.property("cpu-idle-states").is_none()));
    assert!(!has_node(&bare, "/cpus/idle-states"));
    assert!(!has_node(&bare, "/pmu"));
    assert!(!has_node(&bare, "/firmware"));
}

#[test]
fn memory_is_where_the_layout_says() {
    with_node(&machine(&two_cpus()), "/memory@40000000", |memory| {
        assert_eq!(strings_of(memory, "device_type"), ["memory"]);
        assert_eq!(cells(memory, "reg"), [0, 0x4000_0000, 0, 0x1000_0000]);
    });
}

#[test]
fn a_cpu_is_named_by_all_of_its_affinity_and_points_to_its_idle_states() {
    with_node(&machine(&two_cpus()), "/cpus/cpu@100000001", |cpu| {
        assert_eq!(cells(cpu, "reg"), [1, 1]);
        assert_eq!(strings_of(cpu, "enable-method"), ["psci"]);
        assert_eq!(cells(cpu, "cpu-idle-states"), [4, 5]);
    });
}

#[test]
fn an_idle_state_carries_its_argument_and_keeps_its_timer() {
    let cpus = two_cpus();
    with_node(&machine(&cpus), "/cpus/idle-states", |states| {
        assert_eq!(strings_of(states, "entry-method"), ["psci"]);
    });
    with_node(&machine(&cpus), "/cpus/idle-states/cpu-power-down", |state| {
        assert_eq!(strings_of(state, "compatible"), ["arm,idle-state"]);
        assert_eq!(cells(state, "arm,psci-suspend-param"), [0x0001_0001]);
        assert_eq!(cells(state, "entry-latency-us"), [100]);
        assert_eq!(cells(state, "exit-latency-us"), [400]);
        assert_eq!(cells(state, "min-residency-us"), [5000]);
        assert_eq!(cells(state, "phandle"), [5]);
        assert!(state.property("local-timer-stop").is_none());
    });
}

#[test]
fn psci_is_called_over_the_conduit_and_without_function_ids() {
    let cpus = two_cpus();
    for (conduit, method) in [(Conduit::Hvc, "hvc"), (Conduit::Smc, "smc")] {
        with_node(&Description { conduit, ..machine(&cpus) }, "/psci", |psci| {
            assert_eq!(strings_of(psci, "compatible"), ["arm,psci-1.0", "arm,psci-0.2"]);
            assert_eq!(strings_of(psci, "method"), [method]);
            assert!(psci.property("cpu_on").is_none());
        });
    }
}

#[test]
fn the_timers_are_four_private_interrupts() {
    with_node(&machine(&two_cpus()), "/timer", |timer| {
        assert_eq!(cells(timer, "interrupts"), [1, 13, 8, 1, 14, 8, 1, 11, 8, 1, 10, 8]);
        assert!(timer.property("always-on").is_some());
    });
}

#[test]
fn a_gicv3_has_128_kib_of_redistributor_for_each_cpu() {
    with_node(&machine(&two_cpus()), "/interrupt-controller@8000000", |gic| {
        assert_eq!(strings_of(gic, "compatible"), ["arm,gic-v3"]);
        assert_eq!(cells(gic, "reg"), [0, 0x0800_0000, 0, 0x1_0000, 0, 0x1000_0000, 0, 0x4_0000]);
        assert_eq!(cells(gic, "#interrupt-cells"), [3]);
        assert_eq!(cells(gic, "phandle"), [1]);
    });
}

#[test]
fn a_gicv2_has_a_cpu_interface() {
    let cpus = two_cpus();
    let old = Description { interrupt_controller: InterruptController::V2, ..machine(&cpus) };
    with_node(&old, "/interrupt-controller@8000000", |gic| {
        assert_eq!(strings_of(gic, "compatible"), ["arm,cortex-a15-gic"]);
        assert_eq!(cells(gic, "reg"), [0, 0x0800_0000, 0, 0x1000, 0, 0x0801_0000, 0, 0x2000]);
    });
}

#[test]
fn performance_counters_interrupt_with_private_interrupt_7() {
    with_node(&machine(&two_cpus()), "/pmu", |pmu| {
        assert_eq!(strings_of(pmu, "compatible"), ["arm,armv8-pmuv3"]);
        assert_eq!(cells(pmu, "interrupts"), [1, 7, 4]);
    });
}

#[test]
fn the_serial_port_is_a_primecell_with_two_clocks() {
    let cpus = two_cpus();
    with_node(&machine(&cpus), "/serial@9000000", |serial| {
        assert_eq!(strings_of(serial, "compatible"), ["arm,pl011", "arm,primecell"]);
        assert_eq!(cells(serial, "reg"), [0, 0x0900_0000, 0, 0x1000]);
        assert_eq!(cells(serial, "interrupts"), [0, 1, 4]);
        assert_eq!(cells(serial, "clocks"), [2, 2]);
        assert_eq!(strings_of(serial, "clock-names"), ["uartclk", "apb_pclk"]);
    });
    with_node(&machine(&cpus), "/apb-pclk", |clock| {
        assert_eq!(cells(clock, "clock-frequency"), [24_000_000]);
        assert_eq!(cells(clock, "phandle"), [2]);
    });
}

#[test]
fn the_gpio_controller_is_a_primecell_that_interrupts_and_hands_interrupts_out() {
    with_node(&machine(&two_cpus()), "/gpio@9030000", |gpio| {
        assert_eq!(strings_of(gpio, "compatible"), ["arm,pl061", "arm,primecell"]);
        assert_eq!(cells(gpio, "reg"), [0, 0x0903_0000, 0, 0x1000]);
        assert_eq!(cells(gpio, "interrupts"), [0, 2, 4]);
        assert_eq!(cells(gpio, "#gpio-cells"), [2]);
        assert_eq!(cells(gpio, "#interrupt-cells"), [2]);
        assert!(gpio.property("gpio-controller").is_some());
        assert!(gpio.property("interrupt-controller").is_some());
        assert_eq!(cells(gpio, "clocks"), [2]);
        assert_eq!(strings_of(gpio, "clock-names"), ["apb_pclk"]);
        assert_eq!(cells(gpio, "phandle"), [3]);
    });
}

#[test]
fn the_power_button_is_a_key_on_line_3_that_is_pressed_when_high() {
    let cpus = two_cpus();
    with_node(&machine(&cpus), "/gpio-keys", |keys| {
        assert_eq!(strings_of(keys, "compatible"), ["gpio-keys"]);
    });
    with_node(&machine(&cpus), "/gpio-keys/power-button", |button| {
        assert_eq!(strings_of(button, "label"), ["Power Button"]);
        assert_eq!(cells(button, "linux,code"), [116]);
        assert_eq!(cells(button, "gpios"), [3, 3, 0]);
    });
}

#[test]
fn a_command_line_that_linux_would_cut_off_is_refused() {
    let cpus = two_cpus();
    let longest = "x".repeat(2047);
    build(&Description { bootargs: &longest, ..machine(&cpus) }).unwrap();
    let longer = "x".repeat(2048);
    let error = build(&Description { bootargs: &longer, ..machine(&cpus) }).unwrap_err();
    assert_eq!(error, FdtError::BootargsTooLong { length: 2048 });
    let error = build(&Description { bootargs: "quiet\0", ..machine(&cpus) }).unwrap_err();
    assert_eq!(error, FdtError::BootargsNul { offset: 5 });
}

#[test]
fn a_tree_of_512_cpus_fits_and_one_of_too_many_is_an_error() {
    let cpus: Vec<Mpidr> = (0..0x1_0000).map(Mpidr::from_register).collect();
    build(&machine(&cpus[..512])).unwrap();
    let error = build(&machine(&cpus)).unwrap_err();
    assert!(matches!(error, FdtError::TooLarge { cpus: 0x1_0000, .. }), "{error}");
}

#[test]
fn a_name_that_no_node_can_have_is_an_error() {
    let cpus = two_cpus();
    let states = [IdleState { name: "no/name", ..IDLE_STATES[0] }];
    let error = build(&Description { idle_states: &states, ..machine(&cpus) }).unwrap_err();
    assert_eq!(error, FdtError::Write(WriteError::InvalidNodeName));
}
