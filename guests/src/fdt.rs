//! A reader of flattened device trees (Devicetree Specification 0.4, chapter 5): one walk, node by node.
//!
//! Total: what is malformed ends the walk.

/// The properties this guest asks for, of one node.
#[derive(Clone, Copy)]
pub struct Node<'tree> {
    pub name: &'tree str,
    pub depth: usize,
    pub compatible: &'tree [u8],
    pub device_type: &'tree [u8],
    pub reg: &'tree [u8],
    pub method: &'tree [u8],
    pub bootargs: &'tree [u8],
    pub stdout_path: &'tree [u8],
    /// `#address-cells` and `#size-cells` that its `reg` is written in: those of its parent.
    pub cells: Cells,
    own_cells: Cells,
}

#[derive(Clone, Copy)]
pub struct Cells {
    address: usize,
    size: usize,
}

const FDT_MAGIC: u32 = 0xd00d_feed;
const FDT_BEGIN_NODE: u32 = 1;
const FDT_END_NODE: u32 = 2;
const FDT_PROP: u32 = 3;
const FDT_NOP: u32 = 4;
const MAX_DEPTH: usize = 16;

/// Calls `visit` with every node, a parent before its children. `None` if the tree is malformed.
///
/// # Safety
///
/// `address` is that of an FDT, or of four readable bytes that are not its magic; it does not change for `'tree`.
pub unsafe fn walk<'tree>(address: usize, mut visit: impl FnMut(&Node<'tree>)) -> Option<()> {
    let start: *const u8 = core::ptr::with_exposed_provenance(address);
    // SAFETY: the caller vouches for the header.
    let header = unsafe { core::slice::from_raw_parts(start, 8) };
    if be32(header, 0)? != FDT_MAGIC {
        return None;
    }
    let total = to_usize(be32(header, 4)?)?;
    // SAFETY: `totalsize` is the size of the FDT, which the caller vouches for.
    let tree = unsafe { core::slice::from_raw_parts(start, total) };
    let structure = tree.get(to_usize(be32(tree, 8)?)?..)?;
    let strings = tree.get(to_usize(be32(tree, 12)?)?..)?;
    walk_structure(structure, strings, &mut visit)
}

fn walk_structure<'tree>(
    structure: &'tree [u8],
    strings: &'tree [u8],
    visit: &mut impl FnMut(&Node<'tree>),
) -> Option<()> {
    // Section 2.3.5: 2 and 1 unless said.
    let mut cells = [Cells { address: 2, size: 1 }; MAX_DEPTH + 1];
    let mut depth = 0;
    let mut open: Option<Node<'tree>> = None;
    let mut at = 0;
    loop {
        let token = be32(structure, at)?;
        at += 4;
        // A node's properties come before its children: both tokens end them (section 5.4.2).
        if matches!(token, FDT_BEGIN_NODE | FDT_END_NODE)
            && let Some(node) = open.take()
        {
            cells[depth] = node.own_cells;
            visit(&node);
        }
        match token {
            FDT_BEGIN_NODE => {
                let name = string(structure.get(at..)?)?;
                at = aligned(at + name.len() + 1);
                depth += 1;
                if depth > MAX_DEPTH {
                    return None;
                }
                open = Some(Node::new(name, depth, cells[depth - 1]));
            }
            FDT_END_NODE => depth = depth.checked_sub(1)?,
            FDT_PROP => {
                let length = to_usize(be32(structure, at)?)?;
                let name = string(strings.get(to_usize(be32(structure, at + 4)?)?..)?)?;
                let value = structure.get(at + 8..)?.get(..length)?;
                at = aligned(at + 8 + length);
                open.as_mut()?.set(name, value)?;
            }
            FDT_NOP => {}
            _ => return Some(()),
        }
    }
}

impl<'tree> Node<'tree> {
    const fn new(name: &'tree str, depth: usize, cells: Cells) -> Self {
        Self {
            name,
            depth,
            compatible: &[],
            device_type: &[],
            reg: &[],
            method: &[],
            bootargs: &[],
            stdout_path: &[],
            cells,
            own_cells: Cells { address: 2, size: 1 },
        }
    }

    fn set(&mut self, name: &str, value: &'tree [u8]) -> Option<()> {
        match name {
            "compatible" => self.compatible = value,
            "device_type" => self.device_type = value,
            "reg" => self.reg = value,
            "method" => self.method = value,
            "bootargs" => self.bootargs = value,
            "stdout-path" => self.stdout_path = value,
            "#address-cells" => self.own_cells.address = to_usize(be32(value, 0)?)?,
            "#size-cells" => self.own_cells.size = to_usize(be32(value, 0)?)?,
            _ => {}
        }
        Some(())
    }

    /// Is it compatible with this?
    pub fn is_compatible(&self, with: &str) -> bool {
        self.compatible.split(|&byte| byte == 0).any(|name| name == with.as_bytes())
    }

    /// The `index`th (address, size) of `reg`.
    pub fn region(&self, index: usize) -> Option<(u64, u64)> {
        let Cells { address, size } = self.cells;
        if !(1..=2).contains(&address) || size > 2 {
            return None;
        }
        let at = index * (address + size) * 4;
        Some((number(self.reg, at, address)?, number(self.reg, at + address * 4, size)?))
    }
}

/// A property's string, without its terminator.
pub fn text(value: &[u8]) -> Option<&str> {
    string(value)
}

fn number(bytes: &[u8], at: usize, cells: usize) -> Option<u64> {
    let mut value = 0;
    for cell in 0..cells {
        value = value << 32 | u64::from(be32(bytes, at + cell * 4)?);
    }
    Some(value)
}

fn string(bytes: &[u8]) -> Option<&str> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    core::str::from_utf8(&bytes[..end]).ok()
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*bytes))
}

fn to_usize(value: u32) -> Option<usize> {
    usize::try_from(value).ok()
}

const fn aligned(at: usize) -> usize {
    (at + 3) & !3
}
