//! Where an attempt comes from, and how many may come from there in a while.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;

use shared::clock::Timestamp;
use shared::error::Quota;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// A network prefix: /24 of IPv4, /48 of IPv6, which is about what one subscriber or one site is given, so that nobody
/// has a fresh counter for each of their own addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network(String);

impl Network {
    /// That of an address. Whoever has none shares one with all others who have none.
    pub fn of(address: Option<IpAddr>) -> Network {
        Network(match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => format!("{}/24", Ipv4Addr::from_bits(address.to_bits() & (!0 << 8))),
            Some(IpAddr::V6(address)) => format!("{}/48", Ipv6Addr::from_bits(address.to_bits() & (!0 << 80))),
            None => "unknown".to_owned(),
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How many attempts of one kind a network may make, whatever accounts they are at.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// In a minute by the clock.
    pub per_minute: NonZeroU32,
    /// In an hour by the clock.
    pub per_hour: NonZeroU32,
}

impl Limits {
    /// The limit that is used up at a time when so many attempts were made in the hour, and when it begins anew.
    pub fn used_up(self, in_this_hour: i64, now: Timestamp) -> Quota {
        let left_of = |window: i64| (window - now.as_secs().rem_euclid(window)).unsigned_abs();
        let (name, attempts, window) = match in_this_hour >= i64::from(self.per_hour.get()) {
            true => ("network-hour", self.per_hour, HOUR),
            false => ("network-minute", self.per_minute, MINUTE),
        };
        Quota { name, attempts: attempts.get(), window: window.unsigned_abs(), reset: left_of(window) }
    }
}

/// The hour and the minute in which an attempt counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Hours since 1970.
    pub hour: i64,
    /// Of that hour, 0 to 59.
    pub minute: i64,
}

impl Moment {
    /// The one that `now` is in.
    pub fn of(now: Timestamp) -> Moment {
        let seconds = now.as_secs();
        Moment { hour: seconds.div_euclid(HOUR), minute: seconds.rem_euclid(HOUR) / MINUTE }
    }

    /// When what counted in its hour is needed no more: an hour after that, in seconds since 1970.
    pub fn forgotten(self) -> i64 {
        (self.hour + 2) * HOUR
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(address: &str) -> String {
        Network::of(address.parse().ok()).to_string()
    }

    #[test]
    fn an_address_stands_for_its_network() {
        for (address, expected) in [
            ("192.0.2.1", "192.0.2.0/24"),
            ("192.0.2.255", "192.0.2.0/24"),
            ("192.0.3.1", "192.0.3.0/24"),
            ("::ffff:192.0.2.7", "192.0.2.0/24"),
            ("2001:db8:1:2::3", "2001:db8:1::/48"),
            ("2001:db8:1:ffff:ffff:ffff:ffff:ffff", "2001:db8:1::/48"),
            ("2001:db8:2::", "2001:db8:2::/48"),
            ("::1", "::/48"),
            ("", "unknown"),
            ("nowhere", "unknown"),
            ("192.0.2.1, 198.51.100.1", "unknown"),
            ("192.0.2.1:443", "unknown"),
        ] {
            assert_eq!(network(address), expected, "{address}");
        }
    }

    #[test]
    fn the_limit_that_lasts_longer_is_named_with_the_time_left() {
        let limits = Limits { per_minute: NonZeroU32::new(20).unwrap(), per_hour: NonZeroU32::new(200).unwrap() };
        let now = Timestamp::from_millis((7 * HOUR + 59 * MINUTE + 50) * 1000 + 999);
        let minute = Quota { name: "network-minute", attempts: 20, window: 60, reset: 10 };
        assert_eq!(limits.used_up(199, now), minute);
        assert_eq!(limits.used_up(200, now), Quota { name: "network-hour", attempts: 200, window: 3600, reset: 10 });
        let full = limits.used_up(200, Timestamp::from_millis(7 * HOUR * 1000));
        assert_eq!((full.reset, full.state().as_str()), (3600, r#""network-hour";r=0;t=3600"#));
    }

    proptest! {
        #[test]
        fn only_the_prefix_counts(prefix in any::<u32>(), one in any::<u8>(), other in any::<u8>()) {
            let address = |last: u8| Some(IpAddr::V4(Ipv4Addr::from_bits(prefix << 8 | u32::from(last))));
            prop_assert_eq!(Network::of(address(one)), Network::of(address(other)));
        }

        #[test]
        fn a_reset_leads_into_the_next_window(seconds in 0_i64..4_000_000_000, in_this_hour in 0_i64..2) {
            let limits = Limits { per_minute: NonZeroU32::MIN, per_hour: NonZeroU32::MIN };
            let quota = limits.used_up(in_this_hour, Timestamp::from_millis(seconds * 1000));
            let (now, window) = (seconds.unsigned_abs(), quota.window);
            prop_assert!((1..=window).contains(&quota.reset));
            prop_assert_eq!((now + quota.reset) / window, now / window + 1);
        }
    }
}
