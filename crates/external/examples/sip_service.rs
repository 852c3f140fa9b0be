//! Serves two SiP functions: 0xC2000000 adds x1 and x2, 0xC2000001 gives x1 to x4 back.
//!
//! `cargo run -p switchboard-external --example sip_service -- sip.socket`

use std::{env, path::Path, process::ExitCode};

use switchboard_external::{
    protocol::{ArgumentCount, Request},
    server::{Handler, ServeError, Server},
};
use switchboard_firmware::Results;
use switchboard_smccc::Register;

struct Sip;

impl Handler for Sip {
    fn arguments(&self) -> ArgumentCount {
        ArgumentCount::new(4).expect("a call has 17")
    }

    fn call(&self, request: &Request) -> Results {
        let x = |register| request.arguments.get(register);
        match request.function.0 {
            0xc200_0000 => Results::of(x(Register::X1).wrapping_add(x(Register::X2))),
            0xc200_0001 => {
                Register::all().skip(1).take(4).fold(Results::of(0), |results, n| results.with(n, x(n)))
            }
            _ => Results::not_supported(),
        }
    }

    fn gone(&self, why: Result<(), ServeError>) {
        if let Err(error) = why {
            eprintln!("{error}");
        }
    }
}

fn main() -> ExitCode {
    let Some(path) = env::args_os().nth(1) else {
        eprintln!("usage: sip_service SOCKET");
        return ExitCode::FAILURE;
    };
    match Server::bind(Path::new(&path)) {
        Ok(server) => server.serve(&Sip),
        Err(error) => {
            eprintln!("{error}\nhint: {}", error.hint());
            ExitCode::FAILURE
        }
    }
}
