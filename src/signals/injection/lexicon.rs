//! The words of each meaning: the beginnings of words in some fifteen languages, `$` where the word must end too. No word
//! is an attempt by itself; what stands together is weighed.

/// Every meaning with its words, separated by commas.
pub(super) const MEANINGS: &[&[&str]] = &[
    // 0: to disregard.
    &[
        "ignor, disregard, forget, forgot$, overrid, overwrit, bypass, neglect, circumvent, evade, skip the, skip all, pay no attention, \
         do not follow, don t follow, stop following, do not obey, drop all, drop the previous, discard, dismiss, cancel all, supersede, delete all",
        "missacht, vergiss, vergesst, vergessen sie, uberschreib, umgeh, verwirf, beachte nicht, befolge nicht, setze dich uber",
        "ignorez, oublie, contourne, neglige, outrepass, ne tiens pas compte, ne tenez pas compte, faites abstraction, fais abstraction, passe outre",
        "olvida, haz caso omiso, hagas caso, omite, pasa por alto, descarta, salta, no tengas en cuenta",
        "dimentica, trascura, scavalca, aggira, non tenere conto, non seguire, tralascia, scorda",
        "negeer, vergeet, sla over, omzeil, esqueca, esquece, desconsider, contorne, descarte, zignoruj, zapomnij, pomin, glom$, \
         ignorera, bortse, glem, unohda, ohita",
        "игнорир, проигнорир, забудь, забудьте, не обращай, пренебреги, обойди, отмени, 无视, 忽略, 忘记, 忘掉, 不要理会, 绕过, 無視, 忘れ, 無効に, \
         무시, 잊어, अनदेखा, नजरअंदाज, नज़रअंदाज़, भूल जा, उपेक्षा, উপেক্ষা, ভুলে যা, abaikan, lupakan, yoksay, gormezden, unut, goz ardi, \
         huwag pansinin, balewalain, kalimutan, bo qua, quen di, เพิกเฉย, ไม่ต้องสนใจ, ลืม, تجاهل, انس, התעלם, שכח, αγνοησ, ξεχα",
    ],
    // 1: what was said before.
    &[
        "previous, prior$, above$, earlier, preceding, before$, foregoing, so far, up to now, up to this point, until now, everything you, \
         all your, all the, any of the, given to you, given before, told you, were told, you got, original$, existing$, past$",
        "vorherig, vorige, bisherig, obige, fruhere, vorangegangen, vorhin, zuvor, alle deine, alle ihre",
        "precedent, anterieur, ci dessus, avant$, jusqu ici, toutes les, toutes tes, anterior, previas, previos, de arriba, hasta ahora, todas las, \
         precedenti, di sopra, finora, tutte le, vorige, bovenstaande, eerdere, tot nu toe, acima, ate agora, todas as, poprzedni, powyzsz, tidigare, tidligere",
        "предыдущ, прежни, выше, ранее, все эти, 之前, 以前, 先前, 上面, 上述, 前面, 所有, これまで, 前の, 上記, 以上の, すべての, 이전, 앞의, 위의, 지금까지, \
         पिछल, पहले, ऊपर, সবাই, আগের, পূর্ববর্তী, sebelumnya, di atas, onceki, yukarida, tum$, nakaraan, naunang, lahat ng, truoc, phia tren, \
         ก่อนหน้า, ข้างต้น, ทั้งหมด, السابق, أعلاه, הקודמ, προηγουμεν, παραπανω",
    ],
    // 2: instructions.
    &[
        "instruct, prompt$, prompts$, rule$, rules$, directive, guideline, guidance, command, order$, orders$, context$, policy, policies, constraint, \
         programming, training, restriction, safeguard, guardrail, safety, task$, message$, messages$, protocol, configuration, directions",
        "anweisung, anleitung, regel, richtlinie, vorgabe, befehl, auftrag, consigne, instruction, regle, directive, consignes, ordre, invite$, \
         instruccion, regla, directriz, directrices, orden$, ordenes, indicacion, istruzion, regola, regole, direttiv, comand, ordini, prompt",
        "instructie, opdracht, richtlijn, instruc, regras, diretriz, diretrizes, ordens, comando, polecen, instrukcj, zasad, ohje",
        "инструкц, правил, указани, команд, приказ, 指令, 指示, 规则, 規則, 命令, 提示, 说明, ルール, プロンプト, 지시, 명령, 규칙, 지침, निर्देश, नियम, आदेश, \
         নির্দেশ, নিয়ম, instruksi, perintah, aturan, talimat, kural, komut, yonerge, tagubilin, panuto, utos, huong dan, chi dan, quy tac, \
         คำสั่ง, คำแนะนำ, กฎ, تعليمات, التعليمات, أوامر, قواعد, הוראות, כללים, οδηγι, εντολ, κανον",
    ],
    // 3: to show.
    &[
        "reveal, show$, print, repeat, output, display, disclose, leak, expose, divulge, recite, tell me, give me, write out, spell, list, copy, \
         summari, translate, what is, what s, what are, what were, echo$, return, dump, share, say$, provide, complete, confirm, state$",
        "zeig, verrate, nenne, wiederhol, gib, drucke, offenbar, teile mir, sag mir, was ist, wie lautet, montre, revele, donne, repete, affiche, \
         divulgue, dis moi, quel est, quelle est, muestra, revela, dime, repite, imprime, dame, comparte, cual es, mostra, rivel, dimmi, ripeti, stampa, qual e",
        "toon, onthul, herhaal, vertel, wat is, mostre, revele, diga, repita, compartilhe, pokaz, ujawnij, powtorz, podaj, visa mig, vis mig",
        "покажи, раскрой, скажи, повтори, выведи, сообщи, назови, какой, 显示, 透露, 告诉, 重复, 输出, 打印, 是什么, 表示, 教え, 繰り返, 出力, 明か, 何です, \
         보여, 알려, 말해, 반복, 출력, 공개, बताएं, बताओ, बताइए, दिखा, प्रकट, दोहरा, क्या है, বল, দেখা, প্রকাশ, কী, tunjukkan, ungkapkan, beri tahu, ulangi, apa itu, \
         apa$, goster, acikla, soyle, tekrarla, nedir, sabihin, ipakita, ibahagi, ibunyag, ano ang, ulitin, tiet lo, cho toi, la gi, hien thi, \
         บอก, แสดง, เปิดเผย, คืออะไร, أخبرني, اكشف, أظهر, كرر, ما هي, ما هو, גלה, הראה, αποκαλυψ, πες μου, δειξε",
    ],
    // 4: what is hidden: the system's own words.
    &[
        "system$, initial$, initially, starting$, internal$, hidden$, secret$, confidential, verbatim, word for word, prompt$, pre prompt, preprompt, \
         text above, words above, conversation above, system prompt, systemprompt, developer$, your instructions, your prompt, your rules, behind the scenes, \
         at the beginning, before this conversation, knowledge base",
        "geheim, versteckt, intern, wortlich, cache$, secrete, caches, interne, systeme, secreto, secreta, ocult, sistema, interno, iniciales, segret, nascost, \
         iniziali, verborgen, geheime, oculto, inicial, segredo, ukryt, tajn, systemow, hemlig",
        "системн, скрыт, секрет, внутренн, начальн, 系统, 隐藏, 秘密, 机密, 内部, 初始, システム, 隠さ, 機密, 初期, 시스템, 숨겨, 비밀, 초기, सिस्टम, गुप्त, छिप, \
         সিস্টেম, গোপন, rahasia, sistem$, tersembunyi, gizli, lihim, sikreto, bi mat, he thong, ความลับ, ระบบ, سري, النظام, סוד, μυστικ, συστημα",
    ],
    // 5: another person.
    &[
        "act as, acting as, act like, act just like, behave, pretend, roleplay, role play, role of, play the, you are now, you will be, you are going to, simulat, \
         emulat, imagine, persona, character, become, take on, from now on, immerse, impersonat, in the role, hypothetical, fiction, story, novel, \
         you re a, you are a, you are an, i want you to, your name is, call yourself, play a game, respond as, answer as, speak as",
        "spiel die rolle, du bist jetzt, du bist nun, sie sind jetzt, tu so, verhalte dich, stell dir vor, ab jetzt, ab sofort, von nun an, agis comme, tu es maintenant, \
         vous etes maintenant, fais comme si, imagine que, desormais, a partir de maintenant, joue le role, fais semblant, actua como, finge, imagina, ahora eres, eres un, \
         a partir de ahora, comportate, haz de cuenta, agisci come, fingi, immagina, ora sei, sei un, d ora in poi, fai finta",
        "doe alsof, je bent nu, vanaf nu, gedraag, aja como, finja, imagine que, voce agora, a partir de agora, udawaj, jestes teraz, od teraz, wyobraz, lat sas$",
        "представь, притворись, веди себя, ты теперь, теперь ты, с этого момента, отныне, 扮演, 假装, 假设, 你现在是, 现在你是, 从现在起, 从现在开始, 想象, ふり, あなたは今, 今から, \
         役割, 演じ, 行動して, 척, 역할, 당신은 이제, 지금부터, 상상, के रूप में, कल्पना, अब आप, अब से, दिखावा, মনে কর, ভান, এখন থেকে, কল্পনা, berpura, bertindak sebagai, anda sekarang, \
         mulai sekarang, bayangkan, gibi davran, rolun, artik sen, bundan sonra, hayal et, magpanggap, ikaw ay, mula ngayon, isipin, hay dong vai, gia vo, tu bay gio, \
         สมมติ, แสร้ง, ตอนนี้คุณ, จากนี้, تصرف, تظاهر, تخيل, أنت الآن, من الآن, העמד פנים, דמיין, מעכשיו, υποκρισου, φαντασου, απο τωρα",
    ],
    // 6: without bounds.
    &[
        "unrestrict, unfilter, uncensor, no restrict, no limit, no filter, no rules, no ethic, no moral, without any, without restrict, without limit, without filter, \
         without regard, unlimited, amoral, unethical, immoral, illegal, harmful, dangerous, anything$, regardless, no matter, free from, freed, broken free, break free, \
         not bound, unbound, not have to, do not care, doesn t care, don t care, no longer, limitless, evil$, unhinged, profan, swear, nsfw, explicit, offensive, without hesitation",
        "ohne einschrank, unzensiert, ohne filter, keine grenzen, keine regeln, sans restriction, sans limite, sans filtre, sans censure, sin restriccion, sin limite, sin filtro, \
         sin censura, senza restrizion, senza limit, senza filtr, senza censur, zonder beperking, sem restri, sem limite, sem filtro, bez ogranicz, без ограничен, без цензур, \
         没有限制, 不受限制, 无限制, 制限なし, 制限のない, 제한 없이, 제한없이, बिना किसी, प्रतिबंध, tanpa batas, tanpa pembatas, sinirsiz, kisitlama, walang limit, walang hangg, \
         khong gioi han, ไม่มีข้อจำกัด, بدون قيود, ללא הגבל, χωρις περιορισμ",
    ],
    // 7: names of the trade.
    &[
        "dan$, dans$, jailbreak, jailbroken, developer mode, dev mode, god mode, debug mode, maintenance mode, admin mode, root mode, sudo$, stan$, dude$, aim$, mongo$, \
         do anything now, chatgpt, openai, gpt$, gpt3, gpt4, gpt 3, gpt 4, anthropic, claude$, gemini$, llama$, bing$, bard$, unlock, administrator, superuser, \
         override code, activated, enabled$, disabled$, canmore, token$, tokens$",
        "entwicklermodus, wartungsmodus, mode developpeur, mode maintenance, modo desarrollador, modo de mantenimiento, modalita sviluppatore, modalita manutenzione, \
         modo desenvolvedor, modo de manutencao, режим разработчик, режим обслуживан, 开发者模式, 维护模式, 越狱, 管理员, 開発者モード, メンテナンスモード, 管理者, 개발자 모드, 관리자, \
         रखरखाव मोड, डेवलपर मोड, मोड, mode pengembang, mode pemeliharaan, gelistirici modu, bakim modu, yonetici",
    ],
    // 8: secrets.
    &[
        "password, passcode, passphrase, pass phrase, api key, secret key, access key, credential, code word, codeword, access code, secret code, pin$, private key, flag$, \
         passwort, kennwort, zugangscode, geheimcode, mot de passe, code secret, code d acces, contrasena, clave, codigo secreto, codigo de acceso, parola, codice segreto, \
         codice di accesso, wachtwoord, senha, codigo secreto, haslo, losenord, пароль, парол, секретный код, 密码, 口令, 密钥, パスワード, 暗証, 비밀번호, 암호, पासवर्ड, पासवर्ट, कोड, \
         পাসওয়ার্ড, পাসওয়ার্ড, kata sandi, sandi, sifre, parola, mat khau, รหัส, كلمة المرور, كلمة السر, סיסמה, κωδικ",
    ],
    // 9: to refuse, and not to.
    &[
        "refus, declin, sorry, apolog, i cannot, i can t, cannot fulfill, unable to, disclaimer, warning, never say, ethic, moral, content polic, censor, filter, \
         as an ai, lecture, consequence, comply, obey, complian, break character, stay in character, in character, stay a, penal, punish, appropriate, \
         ablehn, verweiger, moralisch, ethisch, gehorch, refuse, obei, etico, moral, rechaz, negarte, obedec, rifiut, obbedi, отказ, этик, подчин, 拒绝, 道德, 服从, 拒否, 倫理, 従う, \
         거부, 윤리, 복종, मना, नैतिक, menolak, reddet, etik, tumanggi, tu choi, ปฏิเสธ, رفض",
    ],
    // 10: instead, now, begin.
    &[
        "instead, now$, new$, henceforth, following$, begin$, start$, first$, then$, real$, actual, true$, latest, updated, statt, stattdessen, jetzt, neue, nun$, folgend, \
         plutot, maintenant, nouvel, nouveau, suivant, a la place, ahora, nuev, siguiente, en su lugar, en cambio, adesso, nuov, seguent, invece, al posto, nu$, nieuw, volgende, \
         agora, novo, nova, seguinte, teraz, nowe, теперь, сейчас, новы, следующ, вместо, 现在, 新的, 以下, 代わりに, 今から, 新しい, 次の, 대신, 이제, 새로운, 다음, अब, नए, निम्नलिखित, बजाय, \
         এখন, নতুন, sekarang, baru$, berikut, sebaliknya, simdi, yeni, bunun yerine, asagidaki, ngayon, bago, sa halip, bay gio, moi$, thay vao, ตอนนี้, ใหม่, ต่อไปนี้, الآن, جديد, بدلا",
    ],
    // 11: who is spoken to.
    &[
        "ai$, a i$, assistant, language model, chatbot, model$, llm$, llms$, bot$, agent$, artificial intelligence, ki$, ki assistent, sprachmodell, ia$, modele de langage, \
         asistente, modelo de lenguaje, assistente, modello, modelo, taalmodel, ии$, ассистент, помощник, модел, 人工智能, 助手, 语言模型, 模型, アシスタント, モデル, 인공지능, 어시스턴트, 모델, \
         सहायक, मॉडल, एआई, সহকারী, asisten, model bahasa, yapay zeka, asistan, katulong, tro ly, ผู้ช่วย, مساعد, الذكاء الاصطناعي, reviewer, recruiter, summarizer",
    ],
    // 12: marks of the conversation itself.
    &[
        "im start, im end, inst$, sys$, endoftext, end of, end user, begin system, end system, human$, user$, assistant$, user input, end of conversation, new conversation, \
         system message, system note, system override, system update, system alert, response$, respond, reply with, answer with, output only, only output, only reply, \
         just reply, just say, just output, exactly, antworte nur, antworte mit, reponds, responde, rispondi, antwoord, ответь, отвечай, 回答, 回复, 答え, 応答, 대답, 응답, जवाब, उत्तर, \
         উত্তর, jawab, yanit, cevap, sagot, tra loi, ตอบ, أجب",
    ],
    // 13: to send away.
    &[
        "send$, sends$, forward$, email$, e mail, post$, http, https, url$, link$, click, image src, img$, curl, visit, upload, transfer, fetch, exfiltrat, sende, schicke, \
         weiterleit, uberweise, envoie, transfere, envia, reenvia, transfiere, invia, inoltra, trasferisci, stuur, envie, отправь, перешли, переведи, 发送, 转发, 点击, 转账, 送信, 転送, 보내, 전송, \
         भेज, পাঠা, kirim, gonder, ipadala, gui$, ส่ง, أرسل, execute$, run$, rm$, delete$, grant$, approve$, hire$, recommend$, rate$, rating$",
    ],
    // 14: how urgent it is.
    &[
        "important, attention, urgent, note$, must$, always, never, immediately, strictly, essential, critical, mandatory, required, you have to, make sure, remember, under no circumstances, \
         before answering, before you, do not mention, do not tell, don t tell, silently, without telling, wichtig, achtung, sofort, immer, unbedingt, musst, mussen, attention, \
         toujours, dois, devez, immediatement, importante, atencion, siempre, debes, debe, inmediatamente, sempre, devi, deve, belangrijk, altijd, moet, важно, внимание, всегда, должен, \
         немедленно, 重要, 必须, 立即, 注意, 总是, 必ず, 常に, 直ちに, 중요, 반드시, 즉시, 항상, महत्वपूर्ण, हमेशा, तुरंत, penting, harus, selalu, segera, onemli, her zaman, hemen, mahalaga, dapat, quan trong, phai, สำคัญ, ต้อง, مهم, يجب",
    ],
    // 15: in disguise, in pieces.
    &[
        "base64, base 64, rot13, hex$, decode, encode, cipher, concatenat, backwards, reverse, reversed, variable, part 1, part1, caesar, ascii, leetspeak, pig latin, morse, \
         letter by letter, each letter, first letter, letters of, emoji, acrostic, rhymes, rhyme, spelled, split, combine, a b$, let x, verschlussel, rueckwarts, ruckwarts, chiffr, encodez, \
         a l envers, codific, cifrad, al reves, codifica, al contrario, закодир, наоборот, часть 1, 编码, 解码, 倒序, 逆順, エンコード, 인코딩, एनकोड, भाग 1, अक्षर, sandikan, sifrele, tersten",
    ],
];
