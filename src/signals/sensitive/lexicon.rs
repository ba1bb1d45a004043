//! The words that say what the number beside them is, in the languages people write them in. Signs of other scripts stand
//! for themselves by the bytes that `fold` gives them.

use super::words::{Topic, topic};

#[rustfmt::skip]
pub(super) const WORDS: &[(Topic, &[&str])] = &[
    (
        topic::PHONE,
        &[
            "phone", "tel$", "telephone", "telefon", "telepono", "mobile", "cell", "call ", "ring me", "text me",
            "sms", "whatsapp", "fax", "dial", "hotline", "answering at", "reach me", "contact number", "reach us",
            "contact me", "celular", "movil", "handy", "mobil", "portable", "numero de tel", "cellulare", "gsm",
            "contact no", "viber", "signal number", "phn$", "ph$", "mob$", "telno", "tlf",
            "\u{81}\u{82}", "\u{83}\u{84}", "\u{81}\u{82}\u{85}", "\u{8f}\u{85}", "\u{90}\u{91}", "\u{95}\u{96}", "\u{97}\u{98}", "\u{93}\u{80}\u{94}",
        ],
    ),
    (topic::PHONE_AFTER, &["office$", "fax$", "mobile$", "cell$", "phone$", "home$", "work$", "(mobile", "(cell", "ext$"]),
    (
        topic::CARD,
        &[
            "card", "visa", "mastercard", "amex", "american express", "credit", "debit", "cc$", "kreditkarte", "carte",
            "tarjeta", "cartao", "pan$", "maestro", "payment", "charge", "\u{8b}\u{80}\u{8c}", "carta",
        ],
    ),
    (topic::SSN, &["ssn", "social security", "soc sec", "ss#", "social sec", "social number", "social insurance"]),
    (
        topic::TAX,
        &[
            "tax", "tin$", "steuer", "tfn$", "ird$", "itin$", "ein$", "nif$", "nit$", "rfc$", "cuit", "cuil", "rut$",
            "ruc$", "inn$", "pan$", "utr$", "fiscal", "npwp", "vkn$", "nip$", "fiscale", "vat$", "contribuinte", "voen$",
            "vergi", "fiscaal", "gst$", "gstin", "abn$", "skatt", "ust", "partita iva", "tva$", "iva$", "btw$", "mst$",
        ],
    ),
    (
        topic::IDENTITY,
        &[
            "national", "identity", "identification", "citizen", "resident", "ssn", "social security", "insurance",
            "nino$", "nhs", "personnummer", "personal code", "personal id", "pesel", "dni$", "nie$", "bsn$",
            "burgerservice", "codice fiscale", "codigo", "cpf$", "cnpj", "curp", "aadhaar", "aadhar", "nric", "fin$",
            "rrn$", "jumin", "hetu", "henkilotunnus", "cpr$", "fodselsnummer", "personnr", "pps$", "ppsn", "ahv",
            "avs$", "sozialversicherung", "svnr", "securite sociale", "nir$", "insee", "rijksregister", "niss$", "amka$",
            "egn$", "cnp$", "oib$", "emso$", "jmbg$", "rodne", "kennitala", "asmens", "isikukood", "my number",
            "kimlik", "tckn", "tc no", "teudat", "id number", "id no", "id card", "id:$", "personalausweis", "ausweis",
            "cedula", "dui$", "nin$", "sin$", "medicare", "health number", "id-number", "idnr", "identifikation",
            "cnic", "nik$", "mykad", "prestador", "social insurance", "hkid", "\u{86}\u{87}\u{88}", "pin$", "identite",
            "identidad", "identidade", "identita", "tautvin", "matricule", "pnr$", "persnr", "passport", "residence",
        ],
    ),
    (topic::PASSPORT, &["passport", "reisepass", "pasaporte", "passaport", "passeport", "pass no", "paspoort", "pass-nr", "\u{88}\u{89}", "\u{89}\u{8a}", "travel document"]),
    (
        topic::LICENCE,
        &[
            "driver's licen", "drivers licen", "driver licen", "driving licen", "driver's lic", "dl number", "dl#",
            "dl no", "dl:$", "licence number", "license number", "fuhrerschein", "fahrerlaubnis", "permiso de conducir",
            "permis de conduire", "patente", "licencia de conducir", "carteira de habilitacao", "cnh$", "rijbewijs",
            "dvla", "driver_licen", "drivers_licen", "driver id", "prawo jazdy", "korkort",
        ],
    ),
    (
        topic::BIRTH,
        &[
            "born", "birth", "dob$", "d.o.b", "birthday", "birthdate", "geburt", "geboren", "nacimiento", "naissance",
            "nascita", "nascimento", "geburtsdatum", "fodt", "syntynyt", "bday",
        ],
    ),
    (
        topic::BANK,
        &[
            "iban", "account", "bank", "konto", "cuenta", "compte", "routing", "aba$", "bic$", "swift", "sort code",
            "wire", "rtn$", "conto", "conta$", "kontonummer", "clabe", "bsb$", "ach$",
        ],
    ),
    (
        topic::VEHICLE,
        &[
            "vin$", "vehicle", "license plate", "licence plate", "number plate", "plate", "kennzeichen", "registration",
            "reg$", "chassis", "matricula", "plaka", "car reg", "immatriculation", "targa",
        ],
    ),
    (
        topic::MEDICAL_ID,
        &[
            "mrn$", "medical record", "patient", "npi$", "dea$", "mbi$", "medicare", "health insurance", "nhs",
            "krankenvers", "versichertennummer", "kvnr", "lanr", "bsnr", "member id", "medicaid", "health card",
            "medical licen", "health plan", "hospital number", "chart number", "patient id",
        ],
    ),
    (topic::COMPANY, &["vat$", "company", "ust-id", "handelsregister", "hrb$", "hra$", "siret", "siren$", "ein$", "cnpj", "abn$", "uen$"]),
    (topic::VERSION, &["version", "ver$", "v$", "release", "build", "section", "chapter", "oid$", "firmware", "update"]),
    (
        topic::NOT_PHONE,
        &[
            "order", "invoice", "serial", "account", "version", "isbn", "part", "sku", "tracking", "ticket", "conta$",
            "price", "total", "amount", "population", "model", "case", "zip$", "article", "card", "id$", "formula",
            "port$", "line$", "pid$", "conta numero", "minha conta", "postcode", "postal", "plz$", "issue", "pages",
        ],
    ),
    (
        topic::CRYPTO,
        &["bitcoin", "btc", "wallet", "ethereum", "eth$", "crypto", "litecoin", "monero", "ledger", "xrp", "deposit"],
    ),
    (topic::IP, &["ip$", "ipv4", "ipv6", "ip-address", "ip address", "host", "server", "address", "ips$", "subnet", "ping$", "v6", "v4"]),
    (topic::MAC, &["mac$", "hardware address", "bssid", "macs$", "mac address", "mac_address"]),
    (
        topic::MONTH,
        &[
            "january", "february", "march", "april", "may$", "june", "july", "august", "september", "october",
            "november", "december", "jan$", "feb$", "mar$", "apr$", "jun$", "jul$", "aug$", "sep$", "sept$", "oct$",
            "nov$", "dec$",
        ],
    ),
    (topic::CURL, &["curl$", "curl.exe"]),
    (topic::NAME, &["my name is", "name:", "mr.", "mrs.", "ms.", "dr.", "i am called", "mr$", "mrs$", "ms$", "dr$", "ich heisse", "je m'appelle", "me llamo"]),
    (topic::LIVES, &["address", "lives at", "live at", "located at", "resides", "residing", "moved to", "ship to", "deliver to", "mail to", "send to", "adresse", "direccion", "indirizzo", "endereco", "office is at", "return to", "home is at", "my place"]),
];
