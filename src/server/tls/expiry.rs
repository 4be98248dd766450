//! When a certificate expires, for people and alarms: whether a certificate is good is for those it is shown to.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// The tags of DER that lead to the time.
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The last moment of a certificate in DER (RFC 5280, section 4.1); `None` if it cannot be read.
pub(super) fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let mut fields = inside(inside(certificate)?)?;
    if fields.first() == Some(&VERSION) {
        fields = element(fields)?.rest;
    }
    // The serial number, the signature's algorithm and the issuer.
    for _ in 0..3 {
        fields = element(fields)?.rest;
    }
    let not_before = element(inside(fields)?)?;
    let not_after = element(not_before.rest)?;
    let text = std::str::from_utf8(not_after.content).ok()?;
    match not_after.tag {
        UTC_TIME if text.get(..2)? < "50" => time(&format!("20{text}")),
        UTC_TIME => time(&format!("19{text}")),
        GENERALIZED_TIME => time(text),
        _ => None,
    }
}

fn time(text: &str) -> Option<Timestamp> {
    let time = DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?;
    time.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp())
}

struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    rest: &'a [u8],
}

/// What a sequence holds.
fn inside(der: &[u8]) -> Option<&[u8]> {
    element(der).filter(|element| element.tag == SEQUENCE).map(|element| element.content)
}

/// The first element of several.
fn element(der: &[u8]) -> Option<Element<'_>> {
    let (&tag, der) = der.split_first()?;
    let (&length, der) = der.split_first()?;
    let (length, der) = match length {
        0..=0x7f => (usize::from(length), der),
        0x81..=0x84 => {
            let (bytes, der) = der.split_at_checked(usize::from(length & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), der)
        }
        _ => return None,
    };
    let (content, rest) = der.split_at_checked(length)?;
    Some(Element { tag, content, rest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    fn certificate_until(year: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 3, 14);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn both_ways_of_writing_the_time_are_read() {
        for year in [1975, 2001, 2049, 2050, 4096] {
            let read = not_after(&certificate_until(year)).map(|time| time.to_string());
            assert_eq!(read, Some(format!("{year}-03-14T00:00:00Z")));
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_time() {
        let whole = certificate_until(2049);
        for end in 0..whole.len() {
            assert_eq!(not_after(&whole[..end]), None, "{end}");
        }
        for bad in [&[0x30, 0x80][..], &[0x30, 0x85, 1, 1, 1, 1, 1], &[0x30, 0x84, 255, 255, 255, 255]] {
            assert_eq!(not_after(bad), None);
        }
    }
}
