//! Places, where the settings ask for them: countries and large cities by name, and what follows `I live in`.

use aho_corasick::{AhoCorasick, MatchKind};

use super::fold::Folded;
use super::page::{Page, Raw};
use super::report::Kind;
use super::words::topic;
use crate::error::{Error, ErrorKind};

const LOCATION: Kind = Kind::neutral("location");

/// Countries, and cities of more than about a million, in English and as they call themselves.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "Afghanistan, Albania, Algeria, Andorra, Angola, Argentina, Armenia, Australia, Austria, Azerbaijan, Bahamas, Bahrain, Bangladesh, Barbados, Belarus, \
     Belgium, Belize, Benin, Bhutan, Bolivia, Bosnia, Botswana, Brazil, Brunei, Bulgaria, Burkina Faso, Burundi, Cambodia, Cameroon, Canada, Cape Verde, \
     Chile, China, Colombia, Congo, Costa Rica, Croatia, Cuba, Cyprus, Czechia, Czech Republic, Denmark, Djibouti, Dominican Republic, Ecuador, Egypt, \
     El Salvador, Eritrea, Estonia, Eswatini, Ethiopia, Fiji, Finland, France, Gabon, Gambia, Germany, Ghana, Greece, Grenada, Guatemala, Guinea, Guyana, \
     Haiti, Honduras, Hong Kong, Hungary, Iceland, India, Indonesia, Iran, Iraq, Ireland, Israel, Italy, Ivory Coast, Jamaica, Japan, Kazakhstan, Kenya, \
     Kosovo, Kuwait, Kyrgyzstan, Laos, Latvia, Lebanon, Lesotho, Liberia, Libya, Liechtenstein, Lithuania, Luxembourg, Madagascar, Malawi, Malaysia, \
     Maldives, Malta, Mauritania, Mauritius, Mexico, Moldova, Monaco, Mongolia, Montenegro, Morocco, Mozambique, Myanmar, Namibia, Nepal, \
     Netherlands, New Zealand, Nicaragua, Nigeria, North Korea, North Macedonia, Norway, Oman, Pakistan, Palestine, Panama, Papua New Guinea, Paraguay, Peru, \
     Philippines, Poland, Portugal, Puerto Rico, Qatar, Romania, Russia, Rwanda, Samoa, San Marino, Saudi Arabia, Senegal, Serbia, Seychelles, Sierra Leone, \
     Singapore, Slovakia, Slovenia, Somalia, South Africa, South Korea, South Sudan, Spain, Sri Lanka, Sudan, Suriname, Sweden, Switzerland, Syria, Taiwan, \
     Tajikistan, Tanzania, Thailand, Togo, Tonga, Trinidad, Tunisia, Turkmenistan, Uganda, Ukraine, United Arab Emirates, United Kingdom, Great Britain, \
     England, Scotland, Wales, Northern Ireland, United States, Uruguay, Uzbekistan, Vanuatu, Vatican, Venezuela, Vietnam, Yemen, Zambia, Zimbabwe",
    "Deutschland, Österreich, Schweiz, Frankreich, Italien, Spanien, Polen, Belgien, Dänemark, Schweden, Norwegen, Griechenland, Türkei, Russland, Großbritannien, \
     Allemagne, Autriche, Suisse, Espagne, Italie, Belgique, Royaume-Uni, États-Unis, Grèce, Pologne, Alemania, España, Francia, Italia, Suiza, Bélgica, Reino Unido, \
     Estados Unidos, México, Perú, Germania, Spagna, Svizzera, Belgio, Regno Unito, Nederland, België, Duitsland, Frankrijk, Spanje, Brasil, Alemanha, Espanha, França, \
     Sverige, Danmark, Norge, Suomi, Polska, Magyarország, România, Türkiye",
    "London, Manchester, Liverpool, Edinburgh, Glasgow, Leeds, Dublin, Belfast, Cardiff, Paris, Marseille, Lyon, Toulouse, Bordeaux, Lille, Strasbourg, Nantes, Berlin, \
     Hamburg, Munich, München, Cologne, Köln, Frankfurt, Stuttgart, Düsseldorf, Leipzig, Dresden, Hannover, Nuremberg, Nürnberg, Bremen, Vienna, Wien, Graz, Salzburg, Zurich, \
     Zürich, Geneva, Genève, Basel, Lausanne, Brussels, Bruxelles, Antwerp, Antwerpen, Ghent, Amsterdam, Rotterdam, Utrecht, The Hague, Den Haag, Eindhoven, Madrid, Barcelona, \
     Valencia, Seville, Sevilla, Zaragoza, Málaga, Bilbao, Lisbon, Lisboa, Porto, Rome, Roma, Milan, Milano, Naples, Napoli, Turin, Torino, Palermo, Bologna, Florence, Firenze, \
     Venice, Venezia, Genoa, Genova, Copenhagen, København, Aarhus, Stockholm, Gothenburg, Göteborg, Malmö, Oslo, Bergen, Helsinki, Tampere, Reykjavik, Warsaw, Warszawa, Kraków, \
     Wrocław, Gdańsk, Poznań, Prague, Praha, Brno, Bratislava, Budapest, Bucharest, București, Sofia, Belgrade, Zagreb, Ljubljana, Sarajevo, Skopje, Tirana, Athens, Thessaloniki, \
     Istanbul, Ankara, Izmir, Moscow, Saint Petersburg, St. Petersburg, Kyiv, Kiev, Lviv, Odesa, Minsk, Vilnius, Riga, Tallinn, Tbilisi, Yerevan, Baku",
    "New York, Los Angeles, Chicago, Houston, Phoenix, Philadelphia, San Antonio, San Diego, Dallas, San Jose, San Francisco, Seattle, Denver, Boston, Detroit, Nashville, \
     Portland, Las Vegas, Baltimore, Milwaukee, Albuquerque, Sacramento, Kansas City, Atlanta, Miami, Minneapolis, New Orleans, Cleveland, Tampa, Honolulu, Washington, Austin, \
     Toronto, Montreal, Montréal, Vancouver, Calgary, Ottawa, Edmonton, Winnipeg, Quebec, Mexico City, Guadalajara, Monterrey, Havana, Bogotá, Medellín, Lima, Quito, Santiago, \
     Buenos Aires, Córdoba, Montevideo, Caracas, São Paulo, Rio de Janeiro, Brasília, Salvador, Recife",
    "Tokyo, Osaka, Kyoto, Yokohama, Nagoya, Sapporo, Seoul, Busan, Beijing, Shanghai, Guangzhou, Shenzhen, Chengdu, Wuhan, Taipei, Bangkok, Hanoi, Ho Chi Minh City, Manila, \
     Jakarta, Kuala Lumpur, Mumbai, Delhi, Bangalore, Bengaluru, Chennai, Kolkata, Hyderabad, Karachi, Lahore, Islamabad, Dhaka, Colombo, Kathmandu, Kabul, Tehran, Baghdad, \
     Dubai, Abu Dhabi, Doha, Riyadh, Jeddah, Beirut, Damascus, Amman, Jerusalem, Tel Aviv, Cairo, Alexandria, Casablanca, Rabat, Tunis, Algiers, Lagos, Abuja, Accra, Dakar, \
     Nairobi, Kampala, Addis Ababa, Kinshasa, Luanda, Johannesburg, Cape Town, Durban, Pretoria, Harare, Sydney, Melbourne, Brisbane, Perth, Adelaide, Auckland, Wellington",
    "California, Texas, Florida, Ohio, Illinois, Pennsylvania, Michigan, Massachusetts, Arizona, Colorado, Oregon, Nevada, Utah, Minnesota, Wisconsin, Missouri, Tennessee, \
     Kentucky, Louisiana, Alabama, Oklahoma, Kansas, Nebraska, Iowa, Connecticut, New Jersey, Maryland, Virginia, North Carolina, South Carolina, New Mexico, Hawaii, Alaska, \
     Ontario, British Columbia, Alberta, Bavaria, Bayern, Sachsen, Hessen, Catalonia, Andalucía, Tuscany, Toscana, Sicily, Bretagne, Provence, Queensland, Victoria",
];
/// Words of a name after `I live in` at most.
const MOST_WORDS: usize = 3;

/// Finds places. Built only where it is asked for.
#[derive(Debug)]
pub(super) struct Places {
    automaton: AhoCorasick,
}

impl Places {
    /// Builds the automaton.
    pub(super) fn new() -> Result<Self, Error> {
        let names: Vec<Vec<u8>> = NAMES
            .iter()
            .flat_map(|line| line.split(','))
            .map(|name| Folded::new(name.trim()).bytes.into_owned())
            .collect();
        let automaton =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&names).map_err(|error| {
                Error::new(ErrorKind::Internal, format!("cannot build the automaton of places: {error}"))
            })?;
        Ok(Self { automaton })
    }

    /// Finds names of places, as whole words with their capitals.
    pub(super) fn scan(&self, page: &Page<'_>, out: &mut Vec<Raw>) {
        for found in self.automaton.find_iter(page.bytes) {
            let (start, end) = (found.start(), found.end());
            if !page.before(start).is_ascii_alphanumeric() && !page.at(end).is_ascii_alphanumeric() {
                out.push(Raw { kind: LOCATION, start, end, confidence: 0.7 });
            }
        }
        for hit in page.hits.iter().filter(|hit| hit.topic == topic::LIVES) {
            out.extend(after_words(page, hit.end as usize));
        }
    }
}

/// `I live in Little Whinging`.
fn after_words(page: &Page<'_>, from: usize) -> Option<Raw> {
    let rest = page.bytes.get(from..)?;
    let skip = rest.iter().take_while(|byte| **byte == b' ').count();
    let rest = &rest[skip..];
    let into =
        [b"in ".as_slice(), b"near ", b"at ", b"en ", b"a "].into_iter().find_map(|word| rest.strip_prefix(word));
    let rest = into.unwrap_or(rest);
    let start = page.bytes.len() - rest.len();
    let (mut end, mut at) = (start, start);
    for _ in 0..MOST_WORDS {
        let word =
            page.bytes[at..].iter().take_while(|byte| byte.is_ascii_alphabetic() || b"-'".contains(byte)).count();
        if word < 2 || !page.bytes[at].is_ascii_uppercase() {
            break;
        }
        end = at + word;
        if page.at(end) != b' ' {
            break;
        }
        at = end + 1;
    }
    (end > start).then_some(Raw { kind: LOCATION, start, end, confidence: 0.6 })
}
