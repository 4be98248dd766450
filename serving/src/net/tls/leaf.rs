//! What a certificate says of itself: from when to when it is good, and what for. Whether it is to be trusted is for those it
//! is shown to; but one that nobody can accept must not take the place of one that they do.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// The tags of DER that lead to what is read.
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const OBJECT: u8 = 0x06;
const OCTETS: u8 = 0x04;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// What the extension is called that says what a certificate is for, and what it says then of servers and of everything.
const PURPOSES: &[u8] = &[0x55, 0x1d, 0x25];
const SERVERS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
const ANYTHING: &[u8] = &[0x55, 0x1d, 0x25, 0];

/// From when to when a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

/// The time for which a certificate in DER is good (RFC 5280, section 4.1); `None` if it cannot be read.
pub(super) fn validity(certificate: &[u8]) -> Option<Validity> {
    let from = element(inside(from_validity(certificate)?)?)?;
    let until = element(from.rest)?;
    Some(Validity { from: moment(&from)?, until: moment(&until)? })
}

/// Whether a certificate says what it is for, and servers are not among it: clients refuse it then.
pub(super) fn is_not_for_servers(certificate: &[u8]) -> bool {
    let purposes = purposes(certificate).unwrap_or_default();
    !purposes.is_empty() && !purposes.iter().any(|purpose| [SERVERS, ANYTHING].contains(purpose))
}

/// What a certificate says it is for; `None` if it does not say.
fn purposes(certificate: &[u8]) -> Option<Vec<&[u8]>> {
    let extensions = elements(from_validity(certificate)?).find(|field| field.tag == EXTENSIONS)?;
    let said = elements(inside(extensions.content)?).find_map(|extension| {
        let mut parts = elements(extension.content);
        let name = parts.next()?;
        (name.tag == OBJECT && name.content == PURPOSES).then(|| parts.find(|part| part.tag == OCTETS))?
    })?;
    Some(elements(inside(said.content)?).map(|purpose| purpose.content).collect())
}

/// A certificate's fields from its validity on.
fn from_validity(certificate: &[u8]) -> Option<&[u8]> {
    let mut fields = inside(inside(certificate)?)?;
    if fields.first() == Some(&VERSION) {
        fields = element(fields)?.rest;
    }
    // The serial number, the signature's algorithm and the issuer.
    for _ in 0..3 {
        fields = element(fields)?.rest;
    }
    Some(fields)
}

fn moment(element: &Element<'_>) -> Option<Timestamp> {
    let text = std::str::from_utf8(element.content).ok()?;
    match element.tag {
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

/// All elements, as far as they can be read.
fn elements(mut der: &[u8]) -> impl Iterator<Item = Element<'_>> {
    std::iter::from_fn(move || {
        let next = element(der)?;
        der = next.rest;
        Some(next)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, ExtendedKeyUsagePurpose as Purpose, KeyPair, date_time_ymd};

    fn certificate(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        change(&mut params);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn certificate_until(year: i32) -> Vec<u8> {
        certificate(|params| params.not_after = date_time_ymd(year, 3, 14))
    }

    #[test]
    fn both_ways_of_writing_the_time_are_read() {
        for year in [1975, 2001, 2049, 2050, 4096] {
            let read = validity(&certificate_until(year)).map(|validity| validity.until.to_string());
            assert_eq!(read, Some(format!("{year}-03-14T00:00:00Z")));
            let later = certificate(|params| params.not_before = date_time_ymd(year, 1, 2));
            let read = validity(&later).map(|validity| validity.from.to_string());
            assert_eq!(read, Some(format!("{year}-01-02T00:00:00Z")));
        }
    }

    #[test]
    fn what_a_certificate_is_for_is_read_if_it_says_so() {
        for (purposes, is_refused) in [
            (vec![], false),
            (vec![Purpose::ClientAuth], true),
            (vec![Purpose::CodeSigning, Purpose::ClientAuth], true),
            (vec![Purpose::ClientAuth, Purpose::ServerAuth], false),
            (vec![Purpose::Any], false),
        ] {
            let read = certificate(|params| params.extended_key_usages = purposes.clone());
            assert_eq!(is_not_for_servers(&read), is_refused, "{purposes:?}");
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_time() {
        let whole = certificate_until(2049);
        for end in 0..whole.len() {
            assert_eq!(validity(&whole[..end]), None, "{end}");
        }
        for bad in [&[0x30, 0x80][..], &[0x30, 0x85, 1, 1, 1, 1, 1], &[0x30, 0x84, 255, 255, 255, 255]] {
            assert_eq!(validity(bad), None);
        }
    }
}
