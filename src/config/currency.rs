//! Currencies: the codes of ISO 4217 that are money in use.

use super::{fields::Fields, problems::closest};

/// Active codes of ISO 4217, without funds, metals and test codes.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
    CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL \
    HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA \
    MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB \
    RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU \
    UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// The code under `currency`, if it is one.
pub(super) fn read(fields: &Fields<'_>) -> Option<String> {
    let text = fields.text("currency")?;
    if CODES.split_whitespace().any(|code| code == text) {
        return Some(text);
    }
    let upper = text.to_uppercase();
    let help =
        match CODES.split_whitespace().find(|code| *code == upper).or_else(|| closest(&text, CODES.split_whitespace()))
        {
            Some(meant) => format!("write the ISO 4217 code in capital letters; did you mean \"{meant}\"?"),
            None => "write the three letters of ISO 4217, such as \"EUR\"".to_owned(),
        };
    fields.error("currency", format!("`{text}` is not a currency"), help);
    None
}
