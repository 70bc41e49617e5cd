//! How many packets a network device has carried: on loopback each is counted once, on others both ways are.

use std::fs;
use std::io;

/// The packets so far.
/// # Errors
/// If the kernel knows no such device.
pub(crate) fn packet_count(device: &str) -> io::Result<u64> {
    let devices = fs::read_to_string("/proc/net/dev")?;
    let unknown = || io::Error::new(io::ErrorKind::NotFound, "there is no such device");
    let (received_count, sent_count) = read(&devices, device).ok_or_else(unknown)?;
    // What loopback sends it has received.
    Ok(if device == "lo" { received_count } else { received_count + sent_count })
}

/// Packets received and sent: the second and the tenth number behind the name.
fn read(devices: &str, device: &str) -> Option<(u64, u64)> {
    let line = devices.lines().find_map(|line| {
        let (name, numbers) = line.split_once(':')?;
        (name.trim() == device).then_some(numbers)
    })?;
    let numbers: Vec<_> = line.split_whitespace().collect();
    Some((numbers.get(1)?.parse().ok()?, numbers.get(9)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_stand_behind_the_device_s_name() {
        let devices = "Inter-|   Receive   |  Transmit\n face |bytes packets\n    lo: 100 7 0 0 0 0 0 0 100 8 0 0 0 0 0 0\n  eth0: 1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0\n";
        assert_eq!(read(devices, "lo"), Some((7, 8)));
        assert_eq!(read(devices, "eth0"), Some((2, 4)));
        assert_eq!(read(devices, "eth1"), None);
    }
}
