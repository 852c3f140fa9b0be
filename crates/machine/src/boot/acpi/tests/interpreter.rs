//! As much of an AML interpreter as the DSDT needs (ACPI 6.5, section 20.2). It takes nothing on trust: an opcode
//! that it does not know, a package that does not end where it says, a name that is not there, or a field that takes
//! more than one access is a panic.

use std::{collections::BTreeMap, ops::Range};

/// What the guest's loads and stores reach.
pub(super) trait Bus {
    fn read(&mut self, address: u64, size: u64) -> u32;
    fn write(&mut self, address: u64, size: u64, value: u32);
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Object {
    Integer(u64),
    Text(String),
    Buffer(Vec<u8>),
    Device,
    Method { arguments: usize, body: Range<usize> },
    Region { start: u64, size: u64 },
    Field { address: u64, size: u64 },
}

/// A table that has been loaded: what is in it, by absolute path.
pub(super) struct Namespace {
    code: Vec<u8>,
    pub(super) objects: BTreeMap<String, Object>,
}

/// The end of a list of terms.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Reached,
    Break,
    Return(u64),
}

impl Namespace {
    /// Loads a DSDT.
    pub(super) fn load(table: &[u8]) -> Self {
        let mut space = Self { code: table[36..].to_vec(), objects: BTreeMap::new() };
        space.declare(0..table.len() - 36, "\\");
        space
    }

    fn declare(&mut self, range: Range<usize>, scope: &str) {
        let mut at = range.start;
        while at < range.end {
            let opcode = self.take(&mut at);
            match opcode {
                0x08 => {
                    let path = self.new_name(&mut at, scope);
                    let value = self.data(&mut at);
                    self.insert(&path, value);
                }
                0x10 => {
                    let end = self.package(&mut at, range.end);
                    let path = self.new_name(&mut at, scope);
                    self.declare(at..end, &path);
                    at = end;
                }
                0x14 => {
                    let end = self.package(&mut at, range.end);
                    let path = self.new_name(&mut at, scope);
                    let arguments = usize::from(self.take(&mut at) & 7);
                    self.insert(&path, Object::Method { arguments, body: at..end });
                    at = end;
                }
                0x5b => match self.take(&mut at) {
                    0x80 => self.region(&mut at, scope),
                    0x81 => {
                        let end = self.package(&mut at, range.end);
                        self.fields(at..end, scope);
                        at = end;
                    }
                    0x82 => {
                        let end = self.package(&mut at, range.end);
                        let path = self.new_name(&mut at, scope);
                        self.insert(&path, Object::Device);
                        self.declare(at..end, &path);
                        at = end;
                    }
                    opcode => panic!("declaration 0x5b {opcode:#x}"),
                },
                opcode => panic!("declaration {opcode:#x} at {at}"),
            }
        }
        assert_eq!(at, range.end, "{scope} does not end where it says");
    }

    fn region(&mut self, at: &mut usize, scope: &str) {
        let path = self.new_name(at, scope);
        assert_eq!(self.take(at), 0, "not memory");
        let (Object::Integer(start), Object::Integer(size)) = (self.data(at), self.data(at)) else {
            panic!("{path} is not constant");
        };
        self.insert(&path, Object::Region { start, size });
    }

    fn fields(&mut self, range: Range<usize>, scope: &str) {
        let mut at = range.start;
        let region = self.name(&mut at, scope);
        let Object::Region { start, size: whole } = self.objects[&region] else { panic!("{region}") };
        let access = match self.take(&mut at) {
            1 => 1,
            3 => 4,
            flags => panic!("flags {flags:#x}"),
        };
        let mut bits = 0;
        while at < range.end {
            if self.code[at] == 0 {
                at += 1;
                bits += self.length(&mut at);
                continue;
            }
            let path = self.new_name(&mut at, scope);
            let (offset, size) = (bits / 8, self.length(&mut at) / 8);
            assert!(size == access && offset.is_multiple_of(access), "{path} takes more than one access");
            assert!(offset + size <= whole, "{path} is outside of its region");
            self.insert(&path, Object::Field { address: start + offset, size });
            bits += size * 8;
        }
        assert_eq!(at, range.end);
    }

    fn insert(&mut self, path: &str, object: Object) {
        assert!(self.objects.insert(path.to_owned(), object).is_none(), "{path} is there twice");
    }

    fn take(&self, at: &mut usize) -> u8 {
        *at += 1;
        self.code[*at - 1]
    }

    fn number(&self, at: &mut usize, size: usize) -> u64 {
        let bytes = &self.code[*at..*at + size];
        *at += size;
        bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
    }

    /// `PkgLength`, as a number.
    fn length(&self, at: &mut usize) -> u64 {
        let lead = self.take(at);
        match usize::from(lead >> 6) {
            0 => u64::from(lead),
            more => u64::from(lead & 0xf) | self.number(at, more) << 4,
        }
    }

    /// `PkgLength`, as the package's end.
    fn package(&self, at: &mut usize, parent: usize) -> usize {
        let start = *at;
        let end = start + usize::try_from(self.length(at)).unwrap();
        assert!(end <= parent, "a package ends after the one it is in");
        end
    }

    /// `DataRefObject`: a number, a string or a buffer.
    fn data(&self, at: &mut usize) -> Object {
        match self.take(at) {
            0x0d => {
                let length = self.code[*at..].iter().position(|&byte| byte == 0).unwrap();
                let text = String::from_utf8(self.code[*at..*at + length].to_vec()).unwrap();
                *at += length + 1;
                Object::Text(text)
            }
            0x11 => {
                let end = self.package(at, self.code.len());
                let Object::Integer(size) = self.data(at) else { panic!() };
                let bytes = self.code[*at..end].to_vec();
                assert_eq!(u64::try_from(bytes.len()), Ok(size));
                *at = end;
                Object::Buffer(bytes)
            }
            opcode => Object::Integer(self.constant(opcode, at)),
        }
    }

    fn constant(&self, opcode: u8, at: &mut usize) -> u64 {
        match opcode {
            0x00 | 0x01 => opcode.into(),
            0x0a => self.number(at, 1),
            0x0b => self.number(at, 2),
            0x0c => self.number(at, 4),
            0x0e => self.number(at, 8),
            opcode => panic!("no constant: {opcode:#x} at {at}"),
        }
    }

    /// `NameString`, as written.
    fn written_name(&self, at: &mut usize) -> String {
        let mut name = String::new();
        if self.code[*at] == b'\\' {
            name.push('\\');
            *at += 1;
        }
        let segments = match self.code[*at] {
            0x2e => 2,
            0x2f => usize::from(self.code[*at + 1]),
            _ => 1,
        };
        *at += segments.min(3) - 1;
        for segment in 0..segments {
            let letters = std::str::from_utf8(&self.code[*at..*at + 4]).unwrap();
            assert!(
                letters.chars().all(|letter| letter == '_' || letter.is_ascii_alphanumeric()),
                "{letters}"
            );
            name += if segment == 0 { "" } else { "." };
            name += letters;
            *at += 4;
        }
        name
    }

    /// A name that is being declared.
    fn new_name(&self, at: &mut usize, scope: &str) -> String {
        let name = self.written_name(at);
        if name.starts_with('\\') { name } else { join(scope, &name) }
    }

    /// A name that is there: only one with a single segment is looked for in the scopes around (section 5.3).
    fn name(&self, at: &mut usize, scope: &str) -> String {
        let name = self.written_name(at);
        if name.starts_with('\\') {
            assert!(self.objects.contains_key(&name), "there is no {name}");
            return name;
        }
        assert_eq!(name.len(), 4, "{name} is not looked for in the scopes around");
        let mut scope = scope.to_owned();
        loop {
            let path = join(&scope, &name);
            if self.objects.contains_key(&path) {
                return path;
            }
            assert_ne!(scope, "\\", "there is no {name}");
            scope = scope.rfind('.').map_or("\\".to_owned(), |dot| scope[..dot].to_owned());
        }
    }
}

fn join(scope: &str, name: &str) -> String {
    if scope == "\\" { format!("\\{name}") } else { format!("{scope}.{name}") }
}

/// A guest that runs methods.
pub(super) struct Guest<'a, B> {
    pub(super) space: &'a Namespace,
    pub(super) bus: B,
    /// What has been notified, by its last segment, and of what.
    pub(super) notified: Vec<(String, u64)>,
}

/// A method that is being run: `Local0` to `Local7`, then `Arg0` to `Arg6`, as their opcodes follow each other.
struct Frame {
    scope: String,
    variables: [u64; 15],
}

impl<'a, B: Bus> Guest<'a, B> {
    pub(super) fn new(space: &'a Namespace, bus: B) -> Self {
        Self { space, bus, notified: Vec::new() }
    }

    /// Runs a method, and returns what it does, or 0.
    pub(super) fn call(&mut self, path: &str, arguments: &[u64]) -> u64 {
        let Object::Method { arguments: count, body } = &self.space.objects[path] else { panic!("{path}") };
        assert_eq!(*count, arguments.len(), "{path}");
        let mut frame = Frame { scope: path.to_owned(), variables: [0; 15] };
        frame.variables[8..8 + count].copy_from_slice(arguments);
        match self.run(body.clone(), &mut frame) {
            End::Return(value) => value,
            End::Reached => 0,
            End::Break => panic!("{path} leaves a loop that is not there"),
        }
    }

    fn run(&mut self, range: Range<usize>, frame: &mut Frame) -> End {
        let mut at = range.start;
        while at < range.end {
            let end = self.statement(&mut at, range.end, frame);
            if end != End::Reached {
                return end;
            }
        }
        assert_eq!(at, range.end, "{} does not end where it says", frame.scope);
        End::Reached
    }

    fn statement(&mut self, at: &mut usize, parent: usize, frame: &mut Frame) -> End {
        let space = self.space;
        match space.code[*at] {
            0x86 => {
                *at += 1;
                let device = space.name(at, &frame.scope);
                assert_eq!(space.objects[&device], Object::Device);
                let value = self.term(at, frame);
                self.notified.push((device[device.len() - 4..].to_owned(), value));
            }
            0xa0 => return self.branch(at, parent, frame),
            0xa2 => {
                *at += 1;
                let end = space.package(at, parent);
                let start = *at;
                while {
                    *at = start;
                    self.term(at, frame) != 0
                } {
                    match self.run(*at..end, frame) {
                        End::Reached => {}
                        End::Break => break,
                        returned @ End::Return(_) => return returned,
                    }
                }
                *at = end;
            }
            0xa4 => {
                *at += 1;
                return End::Return(self.term(at, frame));
            }
            0xa5 => {
                *at += 1;
                return End::Break;
            }
            _ => {
                self.term(at, frame);
            }
        }
        End::Reached
    }

    /// `If`, and `Else` if there is one.
    fn branch(&mut self, at: &mut usize, parent: usize, frame: &mut Frame) -> End {
        let space = self.space;
        *at += 1;
        let end = space.package(at, parent);
        let condition = self.term(at, frame) != 0;
        let mut taken = condition.then_some(*at..end);
        *at = end;
        if *at < parent && space.code[*at] == 0xa1 {
            *at += 1;
            let end = space.package(at, parent);
            taken = taken.or(Some(*at..end));
            *at = end;
        }
        taken.map_or(End::Reached, |range| self.run(range, frame))
    }

    fn term(&mut self, at: &mut usize, frame: &mut Frame) -> u64 {
        let space = self.space;
        let opcode = space.code[*at];
        if opcode == b'\\' || opcode == b'_' || opcode.is_ascii_uppercase() {
            return self.named(at, frame);
        }
        *at += 1;
        match opcode {
            0x60..=0x6e => frame.variables[usize::from(opcode - 0x60)],
            0x70 => {
                let value = self.term(at, frame);
                self.store(at, frame, value);
                value
            }
            0x72 => {
                let value = self.term(at, frame).wrapping_add(self.term(at, frame));
                self.store(at, frame, value);
                value
            }
            0x92 => u64::from(self.term(at, frame) == 0),
            0x93 => u64::from(self.term(at, frame) == self.term(at, frame)),
            0x95 => u64::from(self.term(at, frame) < self.term(at, frame)),
            _ => space.constant(opcode, at),
        }
    }

    fn named(&mut self, at: &mut usize, frame: &mut Frame) -> u64 {
        let path = self.space.name(at, &frame.scope);
        match &self.space.objects[&path] {
            Object::Integer(value) => *value,
            Object::Field { address, size } => self.bus.read(*address, *size).into(),
            Object::Method { arguments, .. } => {
                let arguments: Vec<u64> = (0..*arguments).map(|_| self.term(at, frame)).collect();
                self.call(&path, &arguments)
            }
            object => panic!("{path} is {object:?}"),
        }
    }

    fn store(&mut self, at: &mut usize, frame: &mut Frame, value: u64) {
        let opcode = self.space.code[*at];
        if let 0x60..=0x6e = opcode {
            *at += 1;
            frame.variables[usize::from(opcode - 0x60)] = value;
            return;
        }
        let path = self.space.name(at, &frame.scope);
        let Object::Field { address, size } = self.space.objects[&path] else { panic!("{path} is no field") };
        self.bus.write(address, size, u32::try_from(value).unwrap());
    }
}
