//! What devices answer that are not at hand: what is expected is what strace 6.1 shows where it is made to believe that
//! the call succeeded (`-e inject=ioctl:retval=0`).

use rstrace_core::memory::At;
use rstrace_probes::uapi;

use super::tests::ioctl_line;

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// The argument of a request that has written it.
fn answered(request: u64, before: &[u32], after: &[u32]) -> String {
    let (before, after) = (words(before), words(after));
    ioctl_line(request, &[(At::Entry, 0x1000, &before), (At::Return, 0x1000, &after)])
}

#[test]
fn what_flash_memory_answers_is_shown() {
    assert_eq!(
        answered(uapi::MEMGETREGIONINFO, &[0, 0, 0, 1], &[0, 0x20000, 8, 1]),
        "ioctl(3, MEMGETREGIONINFO, {regionindex=0x1, offset=0, erasesize=0x20000, numblocks=0x8}) = 0\n"
    );
    assert_eq!(
        answered(uapi::UBI_IOCATT, &[u32::MAX, 2, 2048, 20, 0, 0], &[1, 2, 2048, 20, 0, 0]),
        "ioctl(3, UBI_IOCATT, {ubi_num=-1, mtd_num=2, vid_hdr_offset=2048, max_beb_per1024=20} => [1]) = 0\n"
    );
}

#[test]
fn the_samples_of_a_clock_are_shown() {
    let mut samples = [0; 208];
    samples[0] = 1;
    assert_eq!(
        answered(uapi::PTP_SYS_OFFSET, &samples, &samples),
        "ioctl(3, PTP_SYS_OFFSET, {n_samples=1, ts=[{sec=0, nsec=0}, {sec=0, nsec=0}, {sec=0, nsec=0}]}) = 0\n"
    );
    // no more than there is room for
    samples[0] = u32::MAX;
    let shown = answered(uapi::PTP_SYS_OFFSET, &samples, &samples);
    assert!(shown.ends_with(", {sec=0, nsec=0}, ...]}) = 0\n"), "{shown}");
}

#[test]
fn the_descriptor_of_pins_is_shown() {
    let mut request = [0; 91];
    (request[0], request[64], request[89]) = (5, 1, 1);
    let mut answer = request;
    answer[90] = 7;
    assert_eq!(
        answered(uapi::GPIO_GET_LINEHANDLE_IOCTL, &request, &answer),
        "ioctl(3, GPIO_GET_LINEHANDLE_IOCTL, {lines=1, lineoffsets=[5], flags=GPIOHANDLE_REQUEST_INPUT, \
         default_values=[0], consumer_label=\"\"} => {fd=7}) = 0\n"
    );
}

#[test]
fn what_an_infrared_device_can_do_is_shown() {
    assert_eq!(
        answered(uapi::LIRC_GET_FEATURES, &[0], &[0x40002]),
        "ioctl(3, LIRC_GET_FEATURES, [LIRC_CAN_SEND_PULSE|LIRC_CAN_REC_MODE2]) = 0\n"
    );
}

#[test]
fn what_a_trusted_environment_answers_is_shown() {
    assert_eq!(
        answered(uapi::TEE_IOC_SHM_ALLOC, &[1, 0, 0, 0], &[4096, 0, 1, 2]),
        "ioctl(3, TEE_IOC_SHM_ALLOC, {size=0x1, flags=0} => {size=0x1000, flags=TEE_IOCTL_SHM_MAPPED, id=2}) = 0\n"
    );
    let buffer = words(&[0x2000, 0, 56, 0]);
    let asked = words(&[1, 2, 3, 0, 0, 1, 1, 0, 2, 0, 3, 0, 4, 0]);
    let answer = words(&[1, 2, 3, 4, 2, 1, 1, 0, 5, 0, 6, 0, 7, 0]);
    let memory = [
        (At::Entry, 0x1000, &buffer[..]),
        (At::Entry, 0x2000, &asked),
        (At::Return, 0x1000, &buffer),
        (At::Return, 0x2000, &answer),
    ];
    assert_eq!(
        ioctl_line(uapi::TEE_IOC_INVOKE, &memory),
        "ioctl(3, TEE_IOC_INVOKE, {buf_len=56, buf_ptr={func=1, session=0x2, cancel_id=3, num_params=1, \
         params=[{attr=TEE_IOCTL_PARAM_ATTR_TYPE_VALUE_INPUT, a=0x2, b=0x3, c=0x4}]} => {ret=4, \
         ret_origin=TEEC_ORIGIN_COMMS, params=[{attr=TEE_IOCTL_PARAM_ATTR_TYPE_VALUE_INPUT, a=0x5, b=0x6, \
         c=0x7}]}}) = 0\n"
    );
}

#[test]
fn what_a_video_device_answers_is_shown() {
    assert_eq!(
        answered(uapi::VIDIOC_REQBUFS, &[4, 1, 1, 0, 0], &[2, 1, 1, 0, 0]),
        "ioctl(3, VIDIOC_REQBUFS, {type=V4L2_BUF_TYPE_VIDEO_CAPTURE, memory=V4L2_MEMORY_MMAP, count=4 => 2}) = 0\n"
    );
    let mut buffer = [0; 22];
    buffer[1] = 1;
    let asked = buffer;
    (buffer[0], buffer[2], buffer[3], buffer[6], buffer[8]) = (3, 100, 0x2001, 5, 6);
    (buffer[15], buffer[16], buffer[18]) = (1, 0x1000, 4096);
    assert_eq!(
        answered(uapi::VIDIOC_DQBUF, &asked, &buffer),
        "ioctl(3, VIDIOC_DQBUF, {type=V4L2_BUF_TYPE_VIDEO_CAPTURE, index=3, memory=V4L2_MEMORY_MMAP, \
         m.offset=0x1000, length=4096, bytesused=100, flags=V4L2_BUF_FLAG_MAPPED|\
         V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC|V4L2_BUF_FLAG_TSTAMP_SRC_EOF, timestamp={tv_sec=5, tv_usec=6}, \
         ...}) = 0\n"
    );
    let mut made = [0; 64];
    (made[1], made[2]) = (4, 1);
    let asked = made;
    (made[0], made[1]) = (1, 2);
    assert_eq!(
        answered(uapi::VIDIOC_CREATE_BUFS, &asked, &made),
        "ioctl(3, VIDIOC_CREATE_BUFS, {count=4, memory=V4L2_MEMORY_MMAP, format={type=0 /* \
         V4L2_BUF_TYPE_??? */}}) = 0 ({index=1, count=2})\n"
    );
}
