//! The words by which a task shows, in English, German, French and Spanish.
//!
//! A row is an intent, a weight and its cues. A cue begins where a word begins and ends where a word ends; `*` at its end
//! lets the word go on. *Opening* cues are requests (`write`, `schreib*`): they count for much where a request stands (at the
//! beginning of a text, of its last lines, after a greeting) and for little elsewhere, because pasted text is full of verbs.

use super::Intent::{
    self, Agentic, Chat, Classification, Code, Extraction, Mathematics, QuestionAnswering, Reasoning, Summarising,
    Translation, Writing,
};

/// A row: intent, weight, whether the cues are requests, and the cues between bars.
pub(super) type Row = (Intent, f32, bool, &'static str);

#[rustfmt::skip]
pub(super) const ROWS: [Row; 51] = [
    // Code.
    (Code, 2.2, false, "python|javascript|typescript|java|rust|golang|c++|c#|kotlin|php|sql|html|css|bash script|shell script|regex|regular expression*|\
        postgres*|mysql|sqlite|django|flask|fastapi|react|numpy|pandas|pytorch|node.js|docker*|kubernetes|dockerfile|git|cargo|npm|makefile|json parser"),
    (Code, 2.4, false, "borrow checker|borrow-checker|stack trace|stacktrace|traceback|segfault|segmentation fault|null pointer|nullpointerexception|\
        compiler error|syntax error|type error|typeerror|undefined behavior|unit test*|pull request|code review|refactor*|source code|codebase|\
        stdin|stdout|pseudocode|leetcode|time complexity|code snippet|race condition|memory leak|merge conflict|quellcode|code source|código fuente"),
    (Code, 1.6, false, "function*|method*|class|algorithm*|array*|recursion|recursive*|bug|bugs|debug*|code|coding|script|endpoint|api|program|compile*|async|\
        programm*|funktion*|algorithmus|fonction*|algorithme|programme|función*|algoritmo|programa|código|variable*|loop|schleife|boucle|bucle|linked list|binary tree|hash map|dictionary|string"),
    (Code, 1.3, true, "implement*|debug|refactor|code|programmiere*|implementier*|code-moi|implémente*|programa*|implementa*|fix this|fix the|fix my"),
    // Mathematics.
    (Mathematics, 2.4, false, "integral|derivative|equation*|polynomial*|matrix|matrices|eigenvalue*|theorem|probability that|probability of|chance of rolling|prime number*|prime factor*|logarithm*|\
        triangle|hypotenuse|perimeter|quadratic|factorial|greatest common divisor|least common multiple|remainder|modulo|differential equation*|vector space|real numbers|\
        ableitung|gleichung*|polynom*|wahrscheinlichkeit|primzahl*|dreieck*|dérivée|intégrale|équation*|probabilité|nombre premier|derivada|ecuación*|ecuacion*|probabilidad|\
        número primo|triángulo|integer*|congruent|coordinate*|slope|square root|positive integer*|ordered triples|radius|circumference|arithmetic|geometric sequence|in mathematics"),
    (Mathematics, 1.2, false, "how many|how much|how far|how long|how old|what is the value|average|percent*|total|sum of|per hour|per day|each day|each week|each month|twice as|times as many|half as|altogether|\
        in total|remaining|left over|wie viele|wie viel|prozent|combien|pourcentage|cuántos|cuántas|cuánto|por ciento|ratio|speed|profit|cost*|dollars|cents|area of|volume of|solve for"),
    (Mathematics, 2.2, true, "solve|calculate|compute|evaluate|simplify|factor|integrate|differentiate|prove that|berechne*|löse|beweise|calcule*|résous|résoudre|démontre*|\
        calcula*|resuelve|demuestra|find the value|find all|what is the sum|how many"),
    // Reasoning.
    (Reasoning, 2.6, false, "logic puzzle|logic grid|riddle|knights and knaves|truth-teller*|clue|clues|deduce|deduction|premise*|syllogism|must be true|cannot both|lies and|always lies|\
        always tells the truth|which of the following can be inferred|step by step|think step by step|logikrätsel|rätsel|schritt für schritt|schlussfolger*|énigme|étape par étape|déduire|\
        acertijo|paso a paso|deducir|paradox|counterfactual|chess|in different houses|lives in|sits next to|is to the left of|is to the right of|trade-off*|tradeoff*|weigh the"),
    (Reasoning, 1.5, true, "reason|deduce|infer|analyse|analyze|compare*|evaluate whether|decide whether|plan|assess|vergleich*|analysiere*|plane|analyse*|compare*|analiza*|compara*|argue"),
    // Writing.
    (Writing, 2.6, false, "poem|haiku|sonnet|limerick|short story|story about|cover letter|blog post|essay|press release|product description|slogan|tagline|speech|song lyrics|lyrics|\
        screenplay|dialogue between|newsletter|tweet|linkedin post|fairy tale|novel|gedicht|geschichte über|bewerbungsschreiben|anschreiben|aufsatz|rede|märchen|poème|lettre de motivation|\
        discours|conte|dissertation|rédaction|poema|carta de presentación|cuento|ensayo|discurso|a letter to|a letter for|an email to|a mail to|e-mail to|email to|tone|paragraph about|caption|invitation|a sentence that"),
    (Writing, 1.9, true, "write|draft|compose|rewrite|rephrase|paraphrase|proofread|polish|brainstorm|invent|schreib*|verfasse*|formulier*|entwirf|korrigiere*|écris|écrivez|rédige*|reformule*|corrige*|\
        escribe|redacta*|reescribe|help me write|come up with|edit this|improve this text|make this sound"),
    // Summarising.
    (Summarising, 3.4, false, "summary|summaries|summarise|summarize|summarising|summarizing|tl;dr|tldr|key points|key takeaways|takeaways|main points|bullet points of|in a nutshell|\
        zusammenfassung|fasse*|zusammenfass*|kernaussagen|wichtigsten punkte|résumé de|points clés|en résumé|resumen|puntos clave|puntos principales|executive summary|the gist|abstract of"),
    (Summarising, 3.6, true, "summarise|summarize|sum up|condense|shorten|recap|fass|fasse|résume|résumez|resume|resume este|resumir|synthétise*|sintetiza"),
    // Extraction.
    (Extraction, 2.4, false, "named entities|named entity|entities|key-value pairs|key value pairs|as json|into json|json with the|fields|into a table|from the following text|from this text|from the text|\
        from this email|from the invoice|aus dem text|aus dem folgenden|du texte|del texto|del siguiente|all names|all dates|all email addresses|all the dates|all the names|line items|structured data"),
    (Extraction, 3.6, true, "extract|pull out|list all|list every|find all the names|identify all|parse|extrahier*|nenne alle|extrais|extraire|extrayez|relève|extrae|extraer|lista todos|lista todas|get all the"),
    // Translation.
    (Translation, 3.4, false, "translation|translated|translator|übersetz*|traduction|traduire|traducción|traducir|into english|into german|into french|into spanish|into italian|into japanese|into chinese|into portuguese|\
        to english|to german|to french|to spanish|to italian|to japanese|ins englische|ins deutsche|ins französische|ins spanische|auf englisch|auf deutsch|auf französisch|auf spanisch|en anglais|en allemand|en français|en espagnol|\
        al inglés|al alemán|al francés|al español|in english|in german|in french|in spanish|how do you say|how do i say|wie sagt man|wie heißt|comment dit-on|cómo se dice"),
    (Translation, 3.6, true, "translate|übersetz*|traduis|traduisez|traduire|traduce|traducir|how do you say|wie sagt man|comment dit-on|cómo se dice|say in"),
    // Classification.
    (Classification, 2.8, false, "sentiment|classify|classification|categorise|categorize|which category|one of the following categories|one of the categories|one of these labels|labels:|label:|categories:|positive or negative|positive, negative|spam or|is spam|\
        spam or not|toxic or|true or false|klassifizier*|kategorie*|stimmung|positiv oder negativ|classifie*|catégorie*|catégorise|sentiment|clasifica*|categoría*|positivo o negativo|topic of this|which of the following labels|answer with one word"),
    (Classification, 3.6, true, "classify|categorise|categorize|label|tag|rate|detect whether|is this review|is this message|klassifizier*|ordne|classe|classez|classifie*|clasifica*|etiqueta*|determine whether|determine the sentiment"),
    // Question answering.
    (QuestionAnswering, 1.6, true, "what|who|whom|whose|where|when|which|why|how|is|are|was|were|do|does|did|can|has|in which|name the|define|explain|describe|tell me about|\
        was|wer|wen|wem|wo|wann|welche*|warum|wieso|wie|ist|sind|erkläre*|nenne|que|qui|quoi|où|quand|quel|quelle|quels|quelles|pourquoi|comment|est-ce|explique*|qu'est-ce|\
        qué|quién|dónde|cuándo|cuál|por qué|cómo|es|explica*|define"),
    (QuestionAnswering, 1.5, false, "according to the passage|based on the context|based on the passage|answer the question|answer the following|multiple-choice|multiple choice|options:|context:|correct answer|which of the following|\
        beantworte|réponds à la question|responde a la pregunta|capital of|what does|difference between|meaning of"),
    // Chat.
    (Chat, 3.0, true, "how do you do|hello|hi|hey|good morning|good evening|good afternoon|how are you|how's it going|what's up|nice to meet you|thanks|thank you|bye|goodbye|good night|lol|haha|hallo|guten tag|guten morgen|wie geht*|danke|tschüss|\
        bonjour|salut|ça va|comment vas-tu|comment allez-vous|merci|au revoir|hola|buenos días|buenas tardes|qué tal|cómo estás|gracias|adiós|who are you|what is your name|what's your name|are you a robot|are you human|do you like|tell me a joke|tell me about yourself"),
    (Chat, 1.4, false, "how are you|your name|your favorite|your favourite|do you feel|i feel|i'm bored|i am bored|i'm feeling|i am feeling|feeling sad|feeling lonely|i'm sad|i'm so happy|a terrible day|a bad day|a great day|a long day|talk to me|chat with me|my day|just wanted to|joke|your hobbies|are you real|wie geht es dir|comment ça va|cómo estás"),
    // Agentic tool use.
    (Agentic, 2.2, false, "search the web|browse|browse the web|look up online|use the tool*|call the tool|call the function|run the command|run the tests|open the file|read the file|edit the file|create a file|in the repository|\
        send an email|send the email|send a message|book a|schedule a meeting|schedule an|set a reminder|set an alarm|turn on|turn off|add to my|my calendar|order a|play some|remind me|wake me up|vereinbare|erinnere mich|stell den wecker|schalte|buche|\
        cherche sur|réserve|envoie un|rappelle-moi|allume|éteins|busca en|reserva|envía un|recuérdame|pon una alarma|enciende|apaga|deploy|take the following actions|what's the weather|what is the weather"),
    (Agentic, 2.0, true, "book|schedule|cancel|send|order|search for|look up|remind|set|turn|play|call|open|run|download|browse|buche|bestell*|sende|schick*|suche|réserve|envoie|cherche|annule|reserva|envía|busca|cancela|find me a|find a"),
    // Requests that a task follows: alone they say little.
    (Code, 2.4, false, "select * from|group by|left join|inner join|insert into|create table|order by id"),
    (Code, 1.7, false, "```|#!/|def |fn |#include|public static|console.log|system.out|import numpy|std::|=> {|() {|){|);"),
    (Mathematics, 2.0, false, "\\frac|\\sqrt|\\sum|\\int|\\boxed|\\begin{|\\cdot|\\le|\\ge|\\mathbb|x^2|f(x)|sin(|cos(|dx|\\leq"),
    (Code, 2.6, false, "write a function|write a program|write a script|write a python|write python|write code|write a query|write a class|write a test|write unit tests|schreibe eine funktion|schreibe ein programm|schreib ein programm|écris une fonction|écris un programme|escribe una función|escribe un programa|complete the function|python function|function that|function to|function called"),
    (Writing, 2.4, false, "write a poem|write a story|write a letter|write an email|write an essay|write a short|write a song|write a speech|write a blog|write a toast|write an article|write me a|schreib mir ein|schreibe ein gedicht|schreibe einen brief|schreibe eine e-mail|écris un poème|écris une lettre|écris un e-mail|escribe un poema|escribe una carta|escribe un correo"),
    (Reasoning, 2.2, false, "who is lying|what can we conclude|can we conclude|which option is|what follows|is it possible that|if all|all of the|some of the|none of the|warum folgt|who owns the|in what order|best strategy|what would happen if|was würde passieren|que se passerait-il|qué pasaría si|pros and cons|vor- und nachteile|avantages et inconvénients|ventajas y desventajas"),
    (Chat, 1.2, false, "😀|😊|😂|:)|:-)|❤|👍"),
    (QuestionAnswering, 0.8, false, "what year|which country|which city|the name of|who wrote|who was|who is|who played|when was|when did|where is|where was|wer war|wer ist|wann wurde|qui a|qui est|quién fue|quién es|cuándo"),
    (Chat, 2.4, false, "are you a|are you human|are you real|are you an ai|are you okay|are you ok|your age|old are you|your hobbies|your name|made you|created you|your birthday|you born|are you from|\
        can i ask you|can you do|tell me something|jokes|do you feel|pets do you|your job|your boss|do you work|you work for|see ya|siri|your favorite|your favourite|you think of|do you know|wie alt bist du|\
        wer bist du|qui es-tu|quel âge as-tu|quién eres|cuántos años tienes|erzähl mir|raconte-moi|cuéntame"),
    (Mathematics, 1.0, false, "angle|degrees|inches|feet|gallons|miles|kilometers|years old|years older|years younger|increased by|decreased by|times the|per minute|fraction|decimal|digit|digits|number of|alter|winkel|grad|angle|grados|ángulo"),
    (Reasoning, 2.4, false, "houses in a row|each person|each house|different characteristics|nächste nachbar|wer wohnt|qui habite|quién vive|next to the|directly left of|seating arrangement|exactly one of them"),
    // Against what looks alike.
    (Code, -1.2, false, "dress code|code of conduct|area code|zip code|postal code|promo code|qr code|class action|world class|working class|high school class|a snake|java island"),
    (Mathematics, -1.5, false, "python|javascript|function that|write a function|write a program|sql|code|einen code|assert|def "),
    (Translation, -1.6, false, "write a function|lost in translation|translation unit|in english literature|machine translation model|translation of rna|protein"),
    (Summarising, -1.2, false, "resume writing|my resume|write a resume|summary statistics|resume for"),
    (Classification, -1.2, false, "true or false statement about"),
    (QuestionAnswering, -1.0, false, "write a|write an|translate|summarize|summarise|extract|classify|implement"),
    (Writing, -2.2, false, "write a function|write a program|write a script|write python|write a python|write code|write a query|write a class|write unit tests|write a test|python function|schreibe eine funktion|schreibe ein programm|écris une fonction|escribe una función|c++|rust|sql"),
    (Agentic, -1.2, false, "write a function|python|algorithm"),
    (Chat, -1.0, false, "write|translate|summarize|summarise|extract|classify|calculate|solve|explain|python|code"),
    (Extraction, -1.0, false, "write a function|python function|feature extraction|dna extraction"),
    (Reasoning, -0.6, false, "python|write a function"),
    (Writing, 1.6, false, "write an email to|professional tone|friendly tone|in the style of|use all of the following words|using all of the concepts|using the words|words: |more formal|more polite|höflicher|plus poli|más formal"),
    (Extraction, 1.8, false, "extract the|extract all|extract every|extrahiere|extrae los|extrais les"),
    (QuestionAnswering, 0.7, false, "?"),
    (Reasoning, 1.8, false, "prove or disprove|is the argument valid|valid argument|root cause|design a system|architecture for|strategy for|should i|should we|sollte ich|devrais-je|debería"),
];
