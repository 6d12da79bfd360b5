//! What file systems and the device mapper answer that no machine at hand can be asked: expected is what strace 6.1
//! shows where it is made to believe that the call succeeded (`-e inject=ioctl:retval=0`).

use rstrace_core::memory::At;
use rstrace_probes::uapi;

use super::tests::ioctl_line_at;

const ADDRESS: u64 = 0x1000;

/// A piece of memory that is written member by member.
struct Bytes(Vec<u8>);

impl Bytes {
    fn of_size(size: usize) -> Self {
        Self(vec![0; size])
    }

    fn with<const N: usize>(mut self, offset: usize, value: [u8; N]) -> Self {
        self.0[offset..offset + N].copy_from_slice(&value);
        self
    }

    fn u64s(self, offset: usize, values: &[u64]) -> Self {
        let places = (offset..).step_by(8).zip(values);
        places.fold(self, |bytes, (offset, value)| bytes.with(offset, value.to_ne_bytes()))
    }

    fn u32s(self, offset: usize, values: &[u32]) -> Self {
        let places = (offset..).step_by(4).zip(values);
        places.fold(self, |bytes, (offset, value)| bytes.with(offset, value.to_ne_bytes()))
    }

    fn text(mut self, offset: usize, text: &str) -> Self {
        self.0[offset..offset + text.len()].copy_from_slice(text.as_bytes());
        self
    }
}

/// The lines of a request in brief and at length, without what all of them have.
fn lines(request: u64, name: &str, before: &Bytes, after: &Bytes) -> [String; 2] {
    let memory = [(At::Entry, ADDRESS, &before.0[..]), (At::Return, ADDRESS, &after.0[..])];
    [false, true].map(|verbose| {
        let line = ioctl_line_at(verbose, request, &memory);
        let rest = line.strip_prefix(&format!("ioctl(3, {name}, ")).expect("the request has its name");
        rest.strip_suffix(") = 0\n").expect("it succeeded").to_owned()
    })
}

/// `struct dm_ioctl` with room for data.
fn device_mapper() -> Bytes {
    let header = Bytes::of_size(1312).u32s(0, &[4, 47, 0, 1312, 312, 2, 3, 4, 77]);
    header.u64s(40, &[0xfd05]).text(48, "vg-root")
}
const MAPPED: &str = "dev=makedev(0xfd, 0x5), name=\"vg-root\"";

#[test]
fn tables_of_the_device_mapper_are_told_from_the_first_target_on() {
    let after = device_mapper()
        .u64s(312, &[0, 2048])
        .u32s(328, &[5, 64])
        .text(336, "linear")
        .text(352, "8:16 384")
        .u64s(376, &[2048, 100])
        .u32s(392, &[0, 128])
        .text(400, "crypt")
        .text(416, "aes abcdefghijklmnopqrstuvwxyz0123456789");
    let asked = format!("[{{version=[4, 47, 0], data_size=1312, data_start=312, {MAPPED}, flags=0x4}}]");
    let asked = asked.replace("0x4", "DM_EXISTS_FLAG");
    let told = format!(
        "{{version=[4, 47, 0], data_size=1312, data_start=312, {MAPPED}, target_count=2, open_count=3, \
         event_nr=77, flags=DM_EXISTS_FLAG}}"
    );
    let [brief, whole] = lines(uapi::DM_TABLE_STATUS, "DM_TABLE_STATUS", &device_mapper(), &after);
    assert_eq!(brief, format!("{asked} => [{told}, ...]"));
    assert_eq!(
        whole,
        format!(
            "{asked} => [{told}, {{sector_start=0, length=2048, status=5, target_type=\"linear\", \
             string=\"8:16 384\"}}, {{sector_start=2048, length=100, status=0, target_type=\"crypt\", \
             string=\"aes abcdefghijklmnopqrstuvwxyz01\"...}}]"
        )
    );
    // strace shows what happens to be there
    let full = after.u32s(28, &[uapi::DM_BUFFER_FULL_FLAG as u32]);
    let [_, whole] = lines(uapi::DM_TABLE_STATUS, "DM_TABLE_STATUS", &device_mapper(), &full);
    assert!(whole.ends_with("flags=DM_BUFFER_FULL_FLAG}, ...]"), "{whole}");
}

#[test]
fn lists_of_the_device_mapper_end_where_they_say() {
    let header = "{version=[4, 47, 0], data_size=1312, data_start=312, flags=DM_EXISTS_FLAG}";
    let names = device_mapper()
        .u64s(312, &[0xfd00])
        .u32s(320, &[32])
        .text(324, "one")
        .u32s(328, &[11])
        .u64s(344, &[0xfd01])
        .text(356, "second");
    let [brief, whole] = lines(uapi::DM_LIST_DEVICES, "DM_LIST_DEVICES", &device_mapper(), &names);
    assert_eq!(brief, format!("[{header}] => [{header}, ...]"));
    assert_eq!(
        whole,
        format!(
            "[{header}] => [{header}, {{dev=makedev(0xfd, 0), name=\"one\", event_nr=11}}, \
             {{dev=makedev(0xfd, 0x1), name=\"second\"}}]"
        )
    );
    let versions =
        device_mapper().u32s(312, &[32, 1, 2, 3]).text(328, "linear").u32s(344, &[15, 7]).text(360, "crypt");
    let [_, whole] = lines(uapi::DM_LIST_VERSIONS, "DM_LIST_VERSIONS", &device_mapper(), &versions);
    assert_eq!(
        whole,
        format!(
            "[{header}] => [{header}, {{name=\"linear\", version=[1, 2, 3]}}, \
             {{name=\"crypt\", version=[7, 0, 0]}}, ??? /* misplaced struct dm_target_versions */]"
        )
    );
    let dependencies = device_mapper().u32s(312, &[2]).u64s(320, &[0x801, 0xfd01]);
    let [_, whole] = lines(uapi::DM_TABLE_DEPS, "DM_TABLE_DEPS", &device_mapper(), &dependencies);
    let end = ", {count=2, deps=[makedev(0x8, 0x1), makedev(0xfd, 0x1)]}]";
    assert!(whole.ends_with(end), "{whole}");
    let [_, whole] =
        lines(uapi::DM_TABLE_DEPS, "DM_TABLE_DEPS", &device_mapper(), &dependencies.u32s(312, &[200]));
    assert!(whole.ends_with(", ??? /* misplaced struct dm_target_deps */]"), "{whole}");
}

#[test]
fn what_a_search_in_btrfs_finds_is_shown() {
    let before = Bytes::of_size(4096).u64s(0, &[1, 256, u64::MAX - 255]).u32s(64, &[3]);
    let after = Bytes::of_size(4096)
        .u32s(64, &[3])
        .u64s(104, &[7, 5, 0])
        .u32s(128, &[132, 8])
        .u64s(144, &[8, 257, 9])
        .u32s(168, &[1, 5000]);
    let limits =
        "min_offset=0, max_offset=0, min_transid=0, max_transid=0, min_type=0, max_type=0, nr_items=3";
    let [brief, whole] = lines(uapi::BTRFS_IOC_TREE_SEARCH, "BTRFS_IOC_TREE_SEARCH", &before, &after);
    assert_eq!(
        brief,
        format!("{{key={{tree_id=BTRFS_ROOT_TREE_OBJECTID, {limits}}}}} => {{key={{nr_items=3}}, ...}}")
    );
    assert_eq!(
        whole,
        format!(
            "{{key={{tree_id=BTRFS_ROOT_TREE_OBJECTID, min_objectid=BTRFS_FIRST_FREE_OBJECTID, \
             max_objectid=BTRFS_LAST_FREE_OBJECTID, {limits}}}}} => {{key={{nr_items=3}}, \
             buf=[{{transid=7, objectid=BTRFS_FS_TREE_OBJECTID, offset=0, type=BTRFS_ROOT_ITEM_KEY, len=8}}, \
             {{transid=8, objectid=257, offset=9, type=BTRFS_INODE_ITEM_KEY, len=5000}}, ...]}}"
        )
    );
}

#[test]
fn the_paths_and_inodes_that_btrfs_answers_are_shown() {
    const CONTAINER: u64 = 0x2000;
    let container =
        Bytes::of_size(64).u32s(0, &[1, 2, 3, 4]).u64s(16, &[24, 28, 999]).text(40, "one").text(44, "two");
    let request = Bytes::of_size(56).u64s(0, &[257, 64]).u64s(48, &[CONTAINER]);
    let memory = [
        (At::Entry, ADDRESS, &request.0[..]),
        (At::Return, ADDRESS, &request.0),
        (At::Return, CONTAINER, &container.0),
    ];
    let head = "bytes_left=1, bytes_missing=2, elem_cnt=3, elem_missed=4";
    assert_eq!(
        ioctl_line_at(true, uapi::BTRFS_IOC_INO_PATHS, &memory),
        format!(
            "ioctl(3, BTRFS_IOC_INO_PATHS, {{inum=257, size=64, fspath=0x2000}} => {{fspath={{{head}, \
             val=[\"one\", \"two\", 0x23f7]}}}}) = 0\n"
        )
    );
    assert_eq!(
        ioctl_line_at(true, uapi::BTRFS_IOC_LOGICAL_INO, &memory),
        format!(
            "ioctl(3, BTRFS_IOC_LOGICAL_INO, {{logical=257, size=64, flags=0, inodes=0x2000}} => \
             {{inodes={{{head}, val=[{{inum=24, offset=28, root=999}}]}}}}) = 0\n"
        )
    );
}

/// Ids of devices in a file system are no `dev_t`, as strace has it; of spaces no more than asked for are there.
#[test]
fn the_devices_of_btrfs_are_shown() {
    let [before, after] =
        [Bytes::of_size(1032).u64s(0, &[1, 2, 1]), Bytes::of_size(1032).u64s(0, &[1, 6, 0, 7, 8])];
    let [line, _] = lines(uapi::BTRFS_IOC_GET_DEV_STATS, "BTRFS_IOC_GET_DEV_STATS", &before, &after);
    assert_eq!(
        line,
        "{devid=1, nr_items=2, flags=BTRFS_DEV_STATS_RESET} => {nr_items=6, flags=0, \
         [[BTRFS_DEV_STAT_WRITE_ERRS]=7, [BTRFS_DEV_STAT_READ_ERRS]=8, [BTRFS_DEV_STAT_FLUSH_ERRS]=0, \
         [BTRFS_DEV_STAT_CORRUPTION_ERRS]=0, [BTRFS_DEV_STAT_GENERATION_ERRS]=0, ...]}"
    );
    let status = Bytes::of_size(2600).u64s(0, &[1, 1, 2, 1000, 1_700_000_000]);
    let [line, _] = lines(uapi::BTRFS_IOC_DEV_REPLACE, "BTRFS_IOC_DEV_REPLACE", &status, &status);
    assert_eq!(
        line,
        "{cmd=BTRFS_IOCTL_DEV_REPLACE_CMD_STATUS} => {result=BTRFS_IOCTL_DEV_REPLACE_RESULT_NOT_STARTED, \
         status={replace_state=BTRFS_IOCTL_DEV_REPLACE_STATE_FINISHED, progress_1000=1000 /* 100.0% */, \
         time_started=1700000000 /* 2023-11-14T22:13:20+0000 */, time_stopped=0, num_write_errors=0, \
         num_uncorrectable_read_errors=0}}"
    );
    let [before, after] =
        [Bytes::of_size(64).u64s(0, &[1, 0]), Bytes::of_size(64).u64s(0, &[1, 2, 1, 10, 5])];
    let [brief, whole] = lines(uapi::BTRFS_IOC_SPACE_INFO, "BTRFS_IOC_SPACE_INFO", &before, &after);
    assert_eq!(brief, "{space_slots=1} => {total_spaces=2, ...}");
    let spaces = "[{flags=BTRFS_BLOCK_GROUP_DATA, total_bytes=10, used_bytes=5}]";
    assert_eq!(whole, format!("{{space_slots=1}} => {{total_spaces=2, spaces={spaces}}}"));
}

#[test]
fn what_btrfs_says_of_a_new_subvolume_is_shown() {
    let volume = Bytes::of_size(4096).u64s(0, &[5, 0, 2]).text(56, "new");
    let after = Bytes::of_size(16).u64s(0, &[5, 9]);
    let [line, _] = lines(uapi::BTRFS_IOC_SNAP_CREATE_V2, "BTRFS_IOC_SNAP_CREATE_V2", &volume, &after);
    assert_eq!(line, "{fd=5, flags=BTRFS_SUBVOL_RDONLY, name=\"new\"} => {transid=9}");
}
