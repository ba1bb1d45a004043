//! Conditions, medicines and the people who have them in languages other than English: German, French, Spanish, Italian, Dutch,
//! Portuguese, Swedish, Danish and Norwegian, Polish. Written without accents, as a folded text is.
//!
//! Words that English spells the same (`diabet…`, `asthma`, `tumor`) stand in `health`.

/// What people have, and what they take for it.
#[rustfmt::skip]
pub(super) const CONDITIONS_ELSEWHERE: &[&str] = &[
    // German
    "krebs", "~krebs$", "zuckerkrank", "bluthochdruck", "schlaganfall", "herzinfarkt", "herzinsuffizienz", "herzrhythmus", "epilepsie", "demenz", "depression",
    "angststorung", "panikattack", "magersucht", "essstorung", "suchtkrank", "alkoholabhang", "alkoholkrank", "schwanger", "fehlgeburt", "abtreibung", "unfruchtbar", "leukamie",
    "lymphom", "geschwulst", "niereninsuffizienz", "nierenversagen", "dialyse", "leberzirrhose", "rheuma", "schuppenflechte", "neurodermitis", "schilddruse", "blutarmut",
    "lungenentzundung", "blutvergiftung", "bandscheibenvorfall", "chemotherapie", "blutdruckmittel", "blutzucker", "suizid", "burnout", "tripper", "geschlechtskrankheit", "hirntumor",
    "zwangsstorung", "morbus", "gicht$", "multiple sklerose", "schizophrenie", "migrane",
    // French
    "diabete", "cancer du", "hypertension arterielle", "tension arterielle", "avc$", "infarctus", "insuffisance cardiaque", "insuffisance renale", "epilepsie", "demence", "maladie de", "sclerose en plaques", "depressi",
    "trouble bipolaire", "trouble anxieux", "schizophrenie", "anorexie", "boulimie", "toxicoman", "alcoolisme", "enceinte", "fausse couche", "avortement", "ivg$", "sterilite",
    "leucemie", "lymphome", "tumeur", "chimiotherapie", "cirrhose", "polyarthrite", "arthrose", "psoriasis", "anemie", "pneumonie", "septicemie", "vih$", "le sida$", "seropositi",
    "hepatite", "tuberculose", "asthme", "insuline", "antidepresseur", "glycemie", "suicidaire", "endometriose",
    // Spanish
    "cancer de", "hipertension", "presion arterial alta", "ictus$", "infarto", "insuficiencia renal", "insuficiencia cardiaca", "epilepsia", "demencia", "esclerosis", "depresion", "ansiedad", "trastorno bipolar", "trastorno de", "esquizofrenia",
    "anorexia", "adiccion", "alcoholismo", "embarazada", "aborto", "infertilidad", "leucemia", "linfoma", "quimioterapia", "cirrosis", "artritis", "artrosis", "soriasis", "anemia", "neumonia",
    "sepsis", "vih$", "el sida$", "hepatitis", "tuberculosis", "asma$", "insulina", "antidepresivo", "glucemia", "suicidio", "migrana", "sifilis", "endometriosis",
    // Italian
    "diabete", "tumore", "cancro", "ipertensione", "pressione alta", "ictus", "infarto", "insufficienza renale", "insufficienza cardiaca", "epilessia", "demenza", "sclerosi", "depressione", "ansia$", "disturbo bipolare",
    "schizofrenia", "anoressia", "tossicodipenden", "alcolismo", "incinta", "gravidanza", "aborto", "leucemia", "linfoma", "chemioterapia", "cirrosi", "artrite", "psoriasi", "anemia",
    "polmonite", "hiv$", "epatite", "tubercolosi", "asma$", "insulina", "antidepressivi", "glicemia", "emicrania",
    // Dutch
    "suikerziekte", "kanker", "~kanker$", "hoge bloeddruk", "beroerte", "hartaanval", "hartinfarct", "hartfalen", "dementie", "depressie", "angststoornis", "schizofrenie", "anorexia", "verslav",
    "alcoholisme", "zwanger", "miskraam", "abortus", "onvruchtbaar", "leukemie", "lymfoom", "chemokuur", "chemotherapie", "nierfalen", "levercirrose", "reuma", "bloedarmoede", "longontsteking",
    "astma$", "insuline", "antidepressiva", "bloedsuiker", "epilepsie", "hersentumor", "geslachtsziekte",
    // Portuguese
    "cancro", "cancer de", "hipertensao", "pressao alta", "avc$", "enfarte", "infarto", "epilepsia", "demencia", "esclerose", "depressao", "ansiedade", "transtorno bipolar",
    "esquizofrenia", "alcoolismo", "gravida$", "gravidez", "aborto", "leucemia", "linfoma", "quimioterapia", "cirrose", "artrite", "anemia", "pneumonia", "hepatite", "tuberculose", "insulina",
    // Swedish, Danish, Norwegian
    "cancer$", "~cancer$", "kreft", "~kreft$", "kraeft", "hogt blodtryck", "hoyt blodtrykk", "hjartinfarkt", "hjerteinfarkt", "hjartsvikt", "depression", "depresjon", "angest",
    "schizofreni", "missbruk", "gravid", "missfall", "leukemi", "cytostatika", "reumatism", "lunginflammation", "lungebetennelse", "astma", "diabetes", "epilepsi", "demens", "migran$", "migrene",
    // Polish
    "cukrzyc", "nowotwor", "raka$", "nadcisnieni", "udar$", "udaru", "zawal", "padaczk", "demencj", "depresj", "schizofreni", "uzalezni", "alkoholizm", "ciazy", "poroni", "bialaczk", "chloniak",
    "chemioterapi", "marskosc", "anemi", "zapalenie pluc", "gruzlic", "astme", "astma", "insulin",
];

/// Who has them.
#[rustfmt::skip]
pub(super) const PATIENTS_ELSEWHERE: &[&str] = &[
    // German
    "patient$", "patientin", "diagnostiziert", "diagnose:", "leidet an", "leide an", "leidet unter", "leide unter", "erkrankt", "behandelt wegen", "in behandlung", "verschrieben", "verordnet", "ich habe",
    "er hat", "sie hat", "ich hatte", "ich nehme", "er nimmt", "sie nimmt", "ich bin", "meine arztin", "mein arzt", "mein therapeut", "wurde eingewiesen", "positiv getestet", "ist an", "krankgeschrieben",
    "mein mann hat", "meine frau hat", "meine mutter hat", "mein vater hat", "mein sohn hat", "meine tochter hat", "entlassungsbrief", "arztbrief", "befund", "krankenakte",
    // French
    "diagnostique", "diagnostic de ", "souffre d", "souffrant d", "atteint d", "atteinte d", "traite pour", "traitee pour", "j ai", "j'ai", "il a$", "elle a$", "je prends", "je suis", "elle est", "mon medecin",
    "mon psychiatre", "prescrit", "hospitalise", "teste positif", "antecedents de", "ma mere a", "mon pere a", "mon fils a", "ma fille a", "ma femme a", "mon mari a",
    // Spanish
    "paciente", "diagnosticad", "diagnostico", "sufre d", "sufro d", "padece", "padezco", "tratad", "tengo", "ella tiene", "mi madre tiene", "mi padre tiene", "mi hijo tiene", "mi hija tiene", "tomo$", "toma$", "estoy", "esta embarazada", "mi medico", "mi psiquiatra",
    "recetad", "hospitalizad", "ingresad", "dio positivo", "antecedentes", "le han",
    // Italian
    "paziente", "diagnosticat", "diagnosi", "soffre di", "soffro di", "affetto da", "affetta da", "malato di", "malata di", "in cura", "ho il", "ho la", "ho un", "ho avuto", "lui ha", "lei ha", "mia madre ha", "mio padre ha", "mio figlio ha", "mia figlia ha", "prendo", "prende", "sono incinta", "sono diabetic", "sono depress",
    "il mio medico", "prescritt", "ricoverat", "positivo all", "anamnesi",
    // Dutch
    "gediagnosticeerd", "diagnose is", "lijdt aan", "lijd aan", "behandeld voor", "ik heb", "hij heeft", "zij heeft", "ze heeft", "ik slik", "ik gebruik", "ik ben", "ze is", "mijn arts", "mijn huisarts",
    "voorgeschreven", "opgenomen met", "positief getest",
    // Portuguese
    "sofre de", "sofro de", "tratado", "tratada", "tenho", "ele tem", "ela tem", "estou", "esta gravida", "meu medico", "internad", "prescrito", "testou positivo",
    // Swedish, Danish, Norwegian
    "diagnosen", "diagnostiserat", "diagnosticerat", "lider av", "lider af", "jag har", "han har", "hon har", "jeg har", "hun har", "jag tar", "jag ar", "min lakare", "min lege", "behandlas for",
    // Polish
    "pacjent", "rozpoznano", "zdiagnozowano", "choruje na", "cierpi na", "leczon", "mam$", "jestem", "przyjmuje", "moj lekarz",
];

/// Words that say whose it is.
pub(super) const POSSESSIVES_ELSEWHERE: &[&str] = &[
    "mein$", "meine$", "meiner$", "meinen$", "seine$", "seiner$", "ihre$", "ihrer$", "mon$", "mio$", "mia$", "suo$",
    "sua$", "mijn$", "zijn$", "haar$", "meu$", "minha$", "seu$", "hennes$", "moja$", "moj$", "moje$", "jego$", "jej$",
];

/// What numbers of patients are called.
pub(super) const RECORDS_ELSEWHERE: &[&str] = &[
    "patientennummer",
    "patientennr",
    "patienten-id",
    "fallnummer",
    "aufnahmenummer",
    "numero de patient",
    "dossier medical",
    "historia clinica",
    "numero de paciente",
    "cartella clinica",
    "numero paziente",
    "patientnummer",
    "prontuario",
    "journalnummer",
    "numer pacjenta",
];
