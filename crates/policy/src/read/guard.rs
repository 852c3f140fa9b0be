//! What guards a forwarded call.

use switchboard_smccc::Register;
use toml::Spanned;

use super::Reader;
use crate::{
    code::Code,
    file::{ConditionText, RuleText},
    finding::Finding,
    rule::{Condition, Guard, Log, Rate},
};

impl Reader<'_> {
    pub(super) fn guard(&mut self, text: &RuleText, log: Log) -> Guard {
        Guard { conditions: self.conditions(text), rate: self.rate(text), log }
    }

    fn rate(&mut self, text: &RuleText) -> Option<Rate> {
        let written = text.rate.as_ref()?;
        let rate = Rate::parse(written.get_ref());
        if rate.is_none() {
            self.findings.push(
                Finding::new(Code::BadRate, format!("`{}` is no rate", written.get_ref()))
                    .at(self.span(written), "expected a number of calls and a unit of time")
                    .hint("write e.g. `100/s`, `20/min` or `5/h`; to allow none, deny the call"),
            );
        }
        rate
    }

    fn conditions(&mut self, text: &RuleText) -> Vec<Condition> {
        let Some(written) = &text.when else { return Vec::new() };
        written.get_ref().iter().filter_map(|condition| self.condition(condition)).collect()
    }

    fn condition(&mut self, text: &ConditionText) -> Option<Condition> {
        let register = argument(text.register.get_ref());
        if register.is_none() {
            self.bad_condition(&text.register, "is no argument of a call", "arguments are `x1` to `x17`");
        }
        let mask = match &text.mask {
            Some(mask) => self.value(mask),
            None => Some(u64::MAX),
        };
        let equals = self.value(&text.equals);
        let condition = Condition { register: register?, mask: mask?, equals: equals? };
        if condition.equals & !condition.mask != 0 {
            self.findings.push(
                Finding::new(Code::BadCondition, "this condition can never hold")
                    .at(self.span(&text.equals), "this has bits that the mask removes")
                    .why(format!("{:#x} & {:#x} is not 0", condition.equals, !condition.mask))
                    .hint("widen the mask, or leave those bits out"),
            );
        }
        Some(condition)
    }

    fn value(&mut self, text: &Spanned<String>) -> Option<u64> {
        let digits = text.get_ref().strip_prefix("0x").map(|digits| digits.replace('_', ""));
        let hexadecimal = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let value = hexadecimal.and_then(|digits| u64::from_str_radix(&digits, 16).ok());
        if value.is_none() {
            self.bad_condition(
                text,
                "is no value of a register",
                "write `0x` and up to 16 hexadecimal digits",
            );
        }
        value
    }

    fn bad_condition(&mut self, text: &Spanned<String>, what: &str, hint: &str) {
        let finding = Finding::new(Code::BadCondition, format!("`{}` {what}", text.get_ref()))
            .at(self.span(text), format!("this {what}"))
            .hint(hint);
        self.findings.push(finding);
    }
}

fn argument(text: &str) -> Option<Register> {
    let digits = text.strip_prefix('x').filter(|digits| !digits.starts_with(['0', '+']))?;
    digits.parse().ok().and_then(Register::new)
}
