//! Somebody's health: a condition or a medicine next to the person who has it. A question about a disease is no secret.

use super::illness::{CONDITIONS_ELSEWHERE, PATIENTS_ELSEWHERE, POSSESSIVES_ELSEWHERE, RECORDS_ELSEWHERE};
use super::page::{Page, Raw};
use super::report::Kind;
use super::words::{Hit, Topic, topic};

const HEALTH: Kind = Kind::health("health");
const RECORD: Kind = Kind::health("medical_record");

/// Conditions and medicines, the people who have them, and the words of a chart.
pub(super) const WORDS: &[(Topic, &[&str])] = &[
    (
        topic::CONDITION,
        &[
            "diabet",
            "cancer",
            "hiv$",
            "hiv-positive",
            "hiv positive",
            "aids$",
            "hepatitis",
            "tuberculosis",
            "asthma",
            "copd$",
            "hypertension",
            "high blood pressure",
            "stroke$",
            "heart attack",
            "heart failure",
            "arrhythmia",
            "atrial fibrillation",
            "angina",
            "epilep",
            "seizure",
            "parkinson",
            "alzheimer",
            "dementia",
            "multiple sclerosis",
            "depression",
            "depressive",
            "anxiety",
            "bipolar",
            "schizophren",
            "psychosis",
            "ptsd$",
            "adhd$",
            "autis",
            "anorexia",
            "bulimia",
            "addiction",
            "alcoholism",
            "overdose",
            "suicidal",
            "self-harm",
            "pregnan",
            "miscarriage",
            "abortion",
            "infertil",
            "endometriosis",
            "pcos$",
            "menopaus",
            "chlamydia",
            "syphilis",
            "gonorrh",
            "herpes",
            "hpv$",
            "std$",
            "sti$",
            "leukemia",
            "leukaemia",
            "lymphoma",
            "melanoma",
            "tumor",
            "tumour",
            "carcinoma",
            "metasta",
            "chemotherap",
            "kidney disease",
            "renal failure",
            "dialysis",
            "cirrhosis",
            "crohn",
            "colitis",
            "ibs$",
            "celiac",
            "ulcer",
            "arthritis",
            "lupus",
            "fibromyalgia",
            "osteoporosis",
            "psoriasis",
            "eczema",
            "migraine",
            "sleep apnea",
            "insomnia",
            "thyroid",
            "anemia",
            "anaemia",
            "sickle cell",
            "hemophilia",
            "cystic fibrosis",
            "down syndrome",
            "cerebral palsy",
            "covid",
            "pneumonia",
            "sepsis",
            "insulin",
            "metformin",
            "warfarin",
            "lisinopril",
            "atorvastatin",
            "sertraline",
            "fluoxetine",
            "citalopram",
            "escitalopram",
            "lithium carbonate",
            "methadone",
            "buprenorphine",
            "oxycodone",
            "morphine",
            "fentanyl",
            "prednisone",
            "levothyroxine",
            "adderall",
            "ritalin",
            "xanax",
            "alprazolam",
            "zoloft",
            "prozac",
            "antidepressant",
            "antipsychotic",
            "antiretroviral",
            "tamoxifen",
            "methotrexate",
            "chest pain",
            "blood sugar",
            "hba1c",
            "biopsy",
            "viral load",
            "psychiatric",
        ],
    ),
    (topic::CONDITION, CONDITIONS_ELSEWHERE),
    (topic::PATIENT, PATIENTS_ELSEWHERE),
    (topic::CLINICAL, POSSESSIVES_ELSEWHERE),
    (topic::RECORD, RECORDS_ELSEWHERE),
    (
        topic::PATIENT,
        &[
            "diagnosed",
            "diagnosis",
            "diagnoses",
            "prescribed",
            "suffers from",
            "suffering from",
            "suffer from",
            "treated for",
            "treatment for my",
            "patient$",
            "i have",
            "i've had",
            "i had",
            "i've got",
            "i've been",
            "he has",
            "she has",
            "tested positive",
            "i take",
            "i'm taking",
            "i am taking",
            "i'm on",
            "i am on",
            "medical history",
            "year-old",
            "year old",
            "my doctor",
            "my psychiatrist",
            "my therapist",
            "my oncologist",
            "hospitalized",
            "hospitalised",
            "was admitted",
            "discharge summary",
            "dx:",
            "hx:",
            "rx:",
            "mrn$",
            "i suffer",
            "complains of",
            "presents with",
            "my mother has",
            "my father has",
            "my wife has",
            "my husband has",
            "my son has",
            "my daughter has",
        ],
    ),
    (
        topic::CLINICAL,
        &["my$", "his$", "her$", "their$", "son's", "daughter's", "mother's", "father's", "wife's", "husband's"],
    ),
    (topic::RECORD, &["mrn$", "medical record", "patient id", "patient number", "chart number", "hospital number"]),
];

/// How far the person may stand from the condition, in one sentence.
const REACH: usize = 60;
/// How far a possessive may stand from it.
const NEXT_TO: usize = 14;

/// Finds health data.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Raw>) {
    if page.topics & topic::CONDITION != 0 && page.topics & (topic::PATIENT | topic::CLINICAL) != 0 {
        for hit in page.hits.iter().filter(|hit| hit.topic == topic::CONDITION) {
            if let Some(confidence) = personal(page, *hit) {
                out.push(Raw { kind: HEALTH, start: hit.start as usize, end: hit.end as usize, confidence });
            }
        }
    }
    if page.topics & (topic::RECORD | topic::PATIENT) != 0 {
        records(page, out);
    }
}

fn personal(page: &Page<'_>, hit: Hit) -> Option<f32> {
    let (start, end) = (hit.start as usize, hit.end as usize);
    let one_sentence = |from: usize| !page.slice(from, start).iter().any(|byte| b".?!\n".contains(byte));
    if page.last_before(topic::CLINICAL, start, NEXT_TO).is_some_and(|word| one_sentence(word.end as usize)) {
        return Some(0.7);
    }
    if page.last_before(topic::PATIENT, start, REACH).is_some_and(|word| one_sentence(word.end as usize)) {
        return Some(0.75);
    }
    page.said_after(topic::PATIENT, end, 12).then_some(0.55)
}

/// Numbers of medical records, and codes of the ICD beside a diagnosis.
fn records(page: &Page<'_>, out: &mut Vec<Raw>) {
    for (at, token) in page.tokens.iter().enumerate() {
        if token.digits >= 5 && token.len() <= 14 && page.said_before(topic::RECORD, token.start, 16) {
            out.push(Raw { kind: RECORD, start: token.start, end: token.end, confidence: 0.9 });
        }
        let text = page.slice(token.start, token.end);
        let [letter, b'0'..=b'9', b'0'..=b'9'] = text else { continue };
        let Some(next) = page.tokens.get(at + 1).filter(|next| next.start == token.end + 1 && next.len() <= 4) else {
            continue;
        };
        if letter.is_ascii_uppercase()
            && page.bytes[token.end] == b'.'
            && page.said_before(topic::PATIENT, token.start, REACH)
        {
            out.push(Raw { kind: HEALTH, start: token.start, end: next.end, confidence: 0.8 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Detector;

    #[test]
    fn health_is_read_in_many_languages() {
        let detector = Detector::default();
        let found = |text: &str| detector.scan_text(text).iter().any(|finding| finding.kind == "health");
        for text in [
            "Meine Mutter leidet an Demenz.",
            "Bei ihm wurde Brustkrebs diagnostiziert, er hat Leukämie.",
            "Ich bin im dritten Monat schwanger.",
            "Ma fille souffre d'épilepsie.",
            "Le patient a une tumeur au cerveau.",
            "El paciente padece esquizofrenia.",
            "Estoy embarazada de tres meses.",
            "Mia sorella soffre di depressione.",
            "Ik heb suikerziekte.",
            "Minha avó sofre de demência.",
            "Jag har bröstcancer.",
            "Pacjent choruje na cukrzycę.",
        ] {
            assert!(found(text), "{text}");
        }
        for text in [
            "Was ist Demenz?",
            "Qu'est-ce que l'épilepsie ?",
            "¿Cuáles son los síntomas del cáncer?",
            "Quali sono le cause della depressione?",
            "How do doctors diagnose diabetes in patients?",
            "Der Umsatz ist im dritten Monat gestiegen.",
        ] {
            assert!(!found(text), "{text}");
        }
    }
}
