//! `switchboard explain`.

use std::fmt::Display;

use serde::Serialize;
use switchboard_machine::Denials;
use switchboard_policy::{Explanation, closest_name};
use switchboard_smccc::FunctionId;

use crate::{cli::ExplainArguments, exit::Status, failure::Failure, policy};

/// One explanation for each width.
#[derive(Serialize)]
#[serde(transparent)]
struct Explanations(Vec<Explanation>);

impl Display for Explanations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|explanation| explanation.fmt(f))
    }
}

/// Says everything about a call.
pub(crate) fn explain(arguments: &ExplainArguments) -> Result<Status, Failure> {
    let services = policy::services(&arguments.offered)?;
    let policy = policy::read(&arguments.policy, &services, Denials::InKernel)?;
    let explanations = match function_id(&arguments.call) {
        Some(id) => vec![policy.explain(id)],
        None => policy.explain_name(&arguments.call).ok_or_else(|| unknown(&arguments.call))?,
    };
    policy::print(&Explanations(explanations), arguments.offered.output.json)
}

/// A function ID as people write it.
fn function_id(text: &str) -> Option<FunctionId> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    u32::from_str_radix(&digits.replace('_', ""), 16).ok().map(FunctionId)
}

fn unknown(call: &str) -> Failure {
    let hint = match closest_name(call) {
        Some(near) => format!("there is a function `{near}`"),
        None => "write a function ID as 0xC4000003; `switchboard names` lists the names".to_owned(),
    };
    Failure::new(Status::NoSuchFunction, format!("no function is called `{call}`"), Some(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_id_is_hexadecimal() {
        assert_eq!(function_id("0xC4000003"), Some(FunctionId(0xc400_0003)));
        assert_eq!(function_id("0Xc400_0003"), Some(FunctionId(0xc400_0003)));
        for other in ["CPU_ON", "c4000003", "0x1c4000003", "0x", "0xCPU"] {
            assert_eq!(function_id(other), None, "{other}");
        }
    }
}
