//! The names in a client certificate: its DNS and URI entries, by which the principals file knows it.
//!
//! Come here for which names count. Whether the certificate is to be trusted was decided before: `api` hands in only
//! what a certificate authority of the operator has signed. The subject is not looked at, as in browsers.

use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;

/// Most names of one certificate that are looked at.
const NAMES_MAX: usize = 32;

/// The names of a certificate, without wildcards. Empty for what is no certificate.
pub fn certificate_names(der: &[u8]) -> Vec<String> {
    let der = CertificateDer::from(der);
    let Ok(certificate) = EndEntityCert::try_from(&der) else { return Vec::new() };
    let names = certificate.valid_dns_names().chain(certificate.valid_uri_names());
    names.filter(|name| !name.contains('*')).take(NAMES_MAX).map(str::to_owned).collect()
}
