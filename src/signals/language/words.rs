//! The small words of the languages whose scripts do not tell them apart, and the two alphabets of language codes.

/// Words that nearly every sentence of a language has some of, with the greetings and requests that short prompts are.
#[rustfmt::skip]
pub(super) const WORDS: [(&str, &str); 20] = [
    ("en", "the and is are was were of to in that this it you your i my we for with what why how who when where which can could \
            would should do does did not have has please write explain hello hi thanks thank give me make tell from by be an on if \
            or fix all any some one two three names list find get add show compute calculate solve implement compose review \
            compare convert describe summarize summarise translate extract classify categorize identify rewrite improve generate \
            create build draft book remind cancel open close turn into about after before between each every them they their there \
            these those then than his its our us he she being done good morning afternoon evening night day today tomorrow \
            yesterday week month year years time people following sentence paragraph word words story poem answer number example \
            short best more less many much only just like very well new old first same other another such both few own because \
            while during without through against feeling feel sad happy terrible great nice help need know think see look used \
            using work works working small big here now never always often again may might must shall say said says told ask asked \
            came go goes going take took keep friend home house world life woman child children food money reason way thing things \
            something anything nothing everything call price cost buy sell product products happened wrong right true false \
            difference meaning probability letter essay email reply customer meeting report ideas advice step steps slogan coffee \
            shop kids timer minutes hours"),
    ("de", "der die das und ist sind war waren nicht ein eine einen einem eines ich du sie wir ihr mein meine mit auf für von zu zum \
            zur im den dem des wie was warum wer wann wo welche kann können könnte bitte schreibe schreib erkläre erklären hallo guten \
            tag danke auch aber wenn oder aus nach bei über dass mir mich gib fasse übersetze heißt"),
    ("fr", "le la les et est sont un une des du de que qui quoi pourquoi comment quand où quel quelle je tu il elle nous vous ils mon \
            ma mes ce cette ces dans pour avec sur pas ne plus s'il peux peut pouvez bonjour merci écris écrivez explique expliquez \
            donne au aux par ou mais si est-ce résume traduis cela faire moi ai a à"),
    ("es", "el la los las y es son un una unos de del que qué por porque cómo cuándo dónde cuál quién yo tú él ella nosotros mi tu su \
            este esta estos en para con no se lo al más pero si puedes puede hola gracias escribe explica dame sobre como está muy \
            resume traduce hay fue ser buenos días"),
    ("it", "il lo la gli le e è sono un uno una di del della dei che chi perché come quando dove quale io tu lui lei noi mio mia questo \
            questa in per con non si più ma se puoi può ciao grazie scrivi spiega dammi su nel nella alla anche buongiorno riassumi traduci"),
    ("pt", "o a os as e é são um uma de do da dos das que quem por porque como quando onde qual eu você ele ela nós meu minha este esta \
            isso em no na para com não se mais mas pode olá obrigado obrigada escreva explique dê sobre ao à também está bom dia resuma traduza foi"),
    ("nl", "de het een en is zijn was van dat dit die ik jij je hij zij wij mijn in voor met niet op aan te er wat waarom hoe wie wanneer \
            waar welke kan kunt kun alsjeblieft hallo dank schrijf leg uit geef bij naar ook maar als of om door goedemorgen vat vertaal"),
    ("sv", "och är det en ett att som på av för med inte jag du han hon vi min mitt den de i till om var hur varför vad när vem kan skriv \
            förklara hej tack men eller från också har ska"),
    ("da", "og er det en et at som på af for med ikke jeg du han hun vi min mit den de i til om hvor hvordan hvorfor hvad hvornår hvem kan \
            skriv forklar hej tak men eller fra også har skal"),
    ("no", "og er det en et at som på av for med ikke jeg du han hun vi min mitt den de i til om hvor hvordan hvorfor hva når hvem kan \
            skriv forklar hei takk men eller fra også har skal"),
    ("fi", "ja on ei se että mikä mitä miksi miten kuka milloin missä minä sinä hän me minun tämä joka kun mutta tai voi voitko kirjoita \
            selitä hei kiitos ole ovat oli kuin myös"),
    ("pl", "i jest są nie to że w na z do się co dlaczego jak kto kiedy gdzie który ja ty on ona my mój ten ta te dla od po ale czy lub \
            może możesz proszę napisz wyjaśnij cześć dziękuję mi dzień dobry przez"),
    ("cs", "a je jsou ne to že v na z do se co proč jak kdo kdy kde který já ty on ona my můj ten ta pro od po ale nebo může můžeš prosím \
            napiš vysvětli ahoj děkuji mi dobrý den jsem by"),
    ("ro", "și este sunt nu un o de la în pe cu care ce cum când unde cine eu tu el ea noi meu mea acest această pentru din mai dar sau dacă \
            poți scrie explică salut mulțumesc să se"),
    ("hu", "a az és egy nem van hogy mi miért hogyan ki mikor hol melyik én te ő mi az ez de vagy ha kérlek írj magyarázd szia köszönöm \
            meg is volt el lehet"),
    ("tr", "ve bir bu da de ne neden nasıl kim zaman nerede hangi ben sen o biz benim için ile değil var mı mi ama veya lütfen yaz açıkla \
            merhaba teşekkürler bana çok daha olan gibi"),
    ("id", "dan yang di ke dari ini itu adalah tidak apa mengapa bagaimana siapa kapan mana saya kamu anda dia kami untuk dengan pada atau \
            jika bisa tolong tulis jelaskan halo terima kasih akan ada"),
    ("vi", "và là của có không một những các được cho với này đó tôi bạn anh gì tại sao như thế nào ai khi đâu hãy viết giải thích xin chào cảm ơn"),
    ("ru", "и в не на что это как я с а по он она мы вы мой из у за к для от но или если почему где когда кто какой можно напиши объясни \
            привет спасибо мне есть был пожалуйста переведи так же"),
    ("uk", "і в не на що це як я з а по він вона ми ви мій із у за до для від але або якщо чому де коли хто який можна напиши поясни \
            привіт дякую мені є був будь ласка та"),
];

/// ISO 639-3 to ISO 639-1.
#[rustfmt::skip]
pub(super) const ISO: [(&str, &str); 70] = [
    ("afr", "af"), ("aka", "ak"), ("amh", "am"), ("ara", "ar"), ("aze", "az"), ("bel", "be"), ("ben", "bn"), ("bul", "bg"), ("cat", "ca"),
    ("ces", "cs"), ("cmn", "zh"), ("cym", "cy"), ("dan", "da"), ("deu", "de"), ("ell", "el"), ("eng", "en"), ("epo", "eo"), ("est", "et"),
    ("fin", "fi"), ("fra", "fr"), ("guj", "gu"), ("heb", "he"), ("hin", "hi"), ("hrv", "hr"), ("hun", "hu"), ("hye", "hy"), ("ind", "id"),
    ("ita", "it"), ("jav", "jv"), ("jpn", "ja"), ("kan", "kn"), ("kat", "ka"), ("khm", "km"), ("kor", "ko"), ("lat", "la"), ("lav", "lv"),
    ("lit", "lt"), ("mal", "ml"), ("mar", "mr"), ("mkd", "mk"), ("mya", "my"), ("nep", "ne"), ("nld", "nl"), ("nob", "no"), ("ori", "or"),
    ("pan", "pa"), ("pes", "fa"), ("pol", "pl"), ("por", "pt"), ("ron", "ro"), ("rus", "ru"), ("sin", "si"), ("slk", "sk"), ("slv", "sl"),
    ("sna", "sn"), ("spa", "es"), ("srp", "sr"), ("swe", "sv"), ("tam", "ta"), ("tel", "te"), ("tgl", "tl"), ("tha", "th"), ("tuk", "tk"),
    ("tur", "tr"), ("ukr", "uk"), ("urd", "ur"), ("uzb", "uz"), ("vie", "vi"), ("yid", "yi"), ("zul", "zu"),
];
