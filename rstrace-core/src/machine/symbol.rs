//! The kernel's functions and structures, by its BTF.

use std::fmt;

use libbpf_rs::btf::Btf;
use libbpf_rs::btf::types::{Composite, Func, FuncProto, MemberAttr, Struct, Typedef};

/// The kernel's type information.
pub(crate) struct KernelTypes {
    btf: Btf<'static>,
}

impl fmt::Debug for KernelTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KernelTypes").finish_non_exhaustive()
    }
}

impl KernelTypes {
    pub(super) fn read() -> Result<Self, String> {
        let btf = Btf::from_vmlinux().map_err(|e| format!("the kernel's BTF can't be read: {e}"))?;
        Ok(Self { btf })
    }

    /// A function: its BTF id and how many arguments it takes.
    pub(crate) fn function(&self, name: &str) -> Option<(u32, usize)> {
        let function = self.btf.type_by_name::<Func<'_>>(name)?;
        let id = u32::from(function.type_id());
        let proto = FuncProto::try_from(function.next_type()?).ok()?;
        Some((id, proto.len()))
    }

    /// Whether there is a tracepoint, by the type that the kernel keeps for its BPF programs.
    pub(crate) fn has_tracepoint(&self, name: &str) -> bool {
        self.btf.type_by_name::<Typedef<'_>>(&format!("btf_trace_{name}")).is_some()
    }

    /// The offset of a structure's member in bytes, through anonymous members too.
    pub(crate) fn member_offset(&self, structure: &str, member: &str) -> Option<u32> {
        let structure = self.btf.type_by_name::<Struct<'_>>(structure)?;
        self.offset_in(structure.into(), member)
    }

    fn offset_in(&self, composite: Composite<'_>, member: &str) -> Option<u32> {
        composite.iter().find_map(|m| {
            let MemberAttr::Normal { offset } = m.attr else { return None };
            match m.name {
                Some(name) if !name.is_empty() => (name == member).then_some(offset / 8),
                _ => {
                    let inner = self.btf.type_by_id::<Composite<'_>>(m.ty)?;
                    Some(offset / 8 + self.offset_in(inner, member)?)
                }
            }
        })
    }
}
