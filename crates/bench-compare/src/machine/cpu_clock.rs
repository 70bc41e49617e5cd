//! The CPU clock of another OS process: user and system time of all its threads, those that have ended among them.
//!
//! It counts nanoseconds and includes what a thread that is running now has used since the last tick, which neither
//! `/proc/PID/stat` (in ticks of 10 ms) nor `/proc/PID/task/*/schedstat` (without threads that have ended) does.
#![expect(unsafe_code, reason = "no safe library knows the CPU clocks of other OS processes")]

use std::io;
use std::mem::MaybeUninit;

use rustix::process::Pid;

/// What `process` has used so far.
/// # Errors
/// If there is no such process.
pub(crate) fn cpu_ns(process: Pid) -> io::Result<u64> {
    let mut clock = MaybeUninit::uninit();
    // SAFETY: writes one clock number to the place that it is given.
    let status =
        unsafe { libc::clock_getcpuclockid(process.as_raw_nonzero().get(), clock.as_mut_ptr()) };
    if status != 0 {
        return Err(io::Error::from_raw_os_error(status));
    }
    // SAFETY: written, since the call succeeded.
    let clock = unsafe { clock.assume_init() };
    let mut time = MaybeUninit::uninit();
    // SAFETY: writes one time to the place that it is given.
    if unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: written, since the call succeeded.
    let time: libc::timespec = unsafe { time.assume_init() };
    let seconds = u64::try_from(time.tv_sec).expect("nobody has used less than nothing");
    Ok(seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).expect("less than a second"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_moves_the_clock_of_the_process_that_did_it() {
        let me = rustix::process::getpid();
        let before_ns = cpu_ns(me).unwrap();
        let mut sum = 0_u64;
        while cpu_ns(me).unwrap() < before_ns + 1_000_000 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(sum > 0);
    }
}
