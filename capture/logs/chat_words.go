package logs

import (
	"bytes"
	"regexp"
	"strings"
)

// chatKind is what the body of a line of a chat export is.
type chatKind uint8

const (
	chatText chatKind = iota
	chatMedia
	chatDeleted
	chatVoiceCall
	chatVideoCall
	chatNote // of the app: nobody wrote it
)

// Words of the apps, in lower case, as they stand in exports in these
// languages; they are compared with whole notes or with their beginning.
var (
	voiceMissed = []string{
		"missed voice call", "verpasster sprachanruf", "gemiste spraakoproep", "appel vocal manqué", "llamada perdida", "llamada de voz perdida",
		"chamada de voz perdida", "ligação de voz perdida", "chiamata vocale persa", "пропущенный аудиозвонок", "пропущенный звонок", "пропущений голосовий виклик",
		"пропущений аудіодзвінок", "zmeškaný hlasový hovor", "zmeškaný hovor", "nieodebrane połączenie głosowe", "cevapsız sesli arama", "مكالمة صوتية فائتة", "panggilan suara tidak terjawab",
		"panggilan suara tak terjawab", "音声通話の不在着信", "不在着信", "未接语音通话", "未接語音通話", "부재중 음성통화", "부재중 음성 통화", "missat röstsamtal", "ubesvaret taleopkald",
		"tapt taleanrop", "vastaamaton äänipuhelu", "สายโทรเสียงที่ไม่ได้รับ", "cuộc gọi thoại nhỡ", "apel vocal nepreluat", "nem fogadott hanghívás", "מיס שיחה קולית",
		"שיחה קולית שלא נענתה", "تماس صوتی از دست رفته", "मिस्ड वॉइस कॉल", "αναπάντητη φωνητική κλήση",
	}
	videoMissed = []string{
		"missed video call", "verpasster videoanruf", "gemiste video-oproep", "gemiste videooproep", "appel vidéo manqué", "videollamada perdida",
		"chamada de vídeo perdida", "videochamada perdida", "ligação de vídeo perdida", "videochiamata persa", "пропущенный видеозвонок", "пропущений відеодзвінок",
		"пропущений відеовиклик", "zmeškaný videohovor", "nieodebrane połączenie wideo", "cevapsız görüntülü arama", "مكالمة فيديو فائتة", "panggilan video tidak terjawab",
		"panggilan video tak terjawab", "ビデオ通話の不在着信", "未接视频通话", "未接視訊通話", "부재중 영상통화", "부재중 영상 통화", "missat videosamtal", "ubesvaret videoopkald",
		"tapt videoanrop", "vastaamaton videopuhelu", "สายวิดีโอคอลที่ไม่ได้รับ", "cuộc gọi video nhỡ", "apel video nepreluat", "nem fogadott videóhívás",
		"שיחת וידאו שלא נענתה", "تماس تصویری از دست رفته", "मिस्ड वीडियो कॉल", "αναπάντητη βιντεοκλήση",
	}
	deletedNotes = []string{
		"this message was deleted", "you deleted this message", "diese nachricht wurde gelöscht", "du hast diese nachricht gelöscht", "dit bericht is verwijderd",
		"u hebt dit bericht verwijderd", "je hebt dit bericht verwijderd", "ce message a été supprimé", "vous avez supprimé ce message", "se eliminó este mensaje",
		"este mensaje fue eliminado", "eliminaste este mensaje", "esta mensagem foi apagada", "mensagem apagada", "você apagou esta mensagem", "apagou esta mensagem",
		"questo messaggio è stato eliminato", "hai eliminato questo messaggio", "данное сообщение удалено", "это сообщение удалено", "сообщение удалено", "вы удалили данное сообщение",
		"вы удалили это сообщение", "це повідомлення видалено", "це повідомлення було видалено", "ви видалили це повідомлення", "tato zpráva byla odstraněna", "tato zpráva byla smazána",
		"smazali jste tuto zprávu", "odstranili jste tuto zprávu", "ta wiadomość została usunięta", "ta wiadomość została skasowana", "usunąłeś tę wiadomość", "bu mesaj silindi", "bu mesajı sildiniz",
		"تم حذف هذه الرسالة", "لقد حذفت هذه الرسالة", "لقد حذَفت هذه الرسالة", "pesan ini dihapus", "anda menghapus pesan ini", "pesan ini telah dihapus", "このメッセージは削除されました",
		"このメッセージを削除しました", "此消息已删除", "此訊息已刪除", "您删除了这条消息", "您已刪除此訊息", "삭제된 메시지입니다", "이 메시지를 삭제했습니다", "ข้อความนี้ถูกลบแล้ว", "คุณได้ลบข้อความนี้",
		"meddelandet har tagits bort", "denne besked blev slettet", "denne meldingen ble slettet", "tämä viesti poistettiin", "tin nhắn này đã bị xóa", "acest mesaj a fost șters",
		"ezt az üzenetet törölték", "הודעה זו נמחקה", "این پیام حذف شد", "यह संदेश हटाया गया", "αυτό το μήνυμα διαγράφηκε",
	}
	// omitted are the notes that stand for attachments in exports without them;
	// in exports of Android between < and >.
	omitted = []string{
		"media omitted", "medien ausgeschlossen", "media weggelaten", "médias omis", "média omis", "archivo omitido", "multimedia omitido", "medio omitido", "mídia oculta", "ficheiro não revelado",
		"media omessi", "media omesso", "без медиафайлов", "медиафайл пропущен", "без медіафайлів", "медіа пропущено", "média vynechány", "pominięto multimedia", "pliki pominięto",
		"medya dahil edilmedi", "medya atlanmış", "تم استبعاد الوسائط", "media tidak disertakan", "media dihilangkan", "メディアなし", "メディアは含まれていません", "省略多媒体文件", "忽略多媒體檔", "媒体文件省略", "略過多媒體檔", "미디어 파일을 생략한 대화내용", "미디어 생략됨",
		"สื่อถูกลบ", "ไม่รวมสื่อ", "media utelämnat", "medier udeladt", "media utelatt", "media jätettiin pois", "bỏ qua tệp media", "fișier media omis", "média kihagyva", "המדיה לא נכללה", "המדיה הושמטה",
		"رسانه حذف شد", "मीडिया के बिना", "παραλείφθηκαν πολυμέσα", "media exclosos",
	}
	// iosOmitted end a note about one attachment on iOS.
	iosOmitted = regexp.MustCompile(`(?i)(omitted|omitid[oa]|absente?|omis|omise|omess[oae]|weggelaten|weggelassen|ausgeschlossen|oculta?|ocultad[oa]|tidak disertakan|отсутствует|пропущен[оа]?|відсутн(є|ій|я|і)|含まれていません|を省略|dahil edilmedi|utelämna[dt]e?s?|udeladt|utelatt|pominięt[oaey]|vynechán[oay]?|已省略|已忽略|생략됨|생략)$`)
	attached   = regexp.MustCompile(`^\S[^<>]*\.[A-Za-z0-9]{2,5} \([^()]{3,40}\)$`)
	waFile     = regexp.MustCompile(`^(IMG|VID|PTT|AUD|STK|DOC|GIF)-\d{8}-WA\d{4,}\.[A-Za-z0-9]{2,5} \([^()]{3,40}\)`)
	attachNote = regexp.MustCompile(`<[^<>:]{2,30}: [^<>]+\.[A-Za-z0-9]{2,5}>$`)
	attachWord = regexp.MustCompile(`\((file attached|datei angehängt|bestand bijgevoegd|fichier joint|archivo adjunto|arquivo anexado|ficheiro anexado|file allegato|файл добавлен|файл прикріплено|файл додано|soubor byl přiložen|soubor připojen|plik dołączony|dosya ekli|ملف مرفق|الملف مرفق|file terlampir|添付ファイル|文件附件|檔案附件|附件檔案|파일 첨부됨|ไฟล์ที่แนบ|แนบไฟล์|bifogad fil|vedhæftet fil|vedlagt fil|tiedosto liitetty|tệp đính kèm|fișier atașat|fájl csatolva|הקובץ מצורף|קובץ מצורף|فایل پیوست شد|फ़ाइल संलग्न|συνημμένο αρχείο|συνημμένο)\)$`)
)

// classify tells the kind of a body by its first line. marked is that a
// direction mark stands before the bracket of the header.
func classify(body []byte, marked bool) chatKind {
	plain, noted := trimMarks(body)
	_, twice := trimMarks(bytes.TrimPrefix(bytes.TrimPrefix(body, []byte("\u200e")), []byte("\u200f")))
	text := strings.ToLower(strings.TrimSpace(string(plain[:min(len(plain), 300)])))
	note := strings.TrimRight(text, ".。 ")
	switch {
	case oneOf(note, voiceMissed, noted):
		return chatVoiceCall
	case oneOf(note, videoMissed, noted):
		return chatVideoCall
	case oneOf(note, deletedNotes, false):
		return chatDeleted
	case isMedia(plain, note, noted, marked):
		return chatMedia
	case noted && (twice || strings.Contains(text, "whatsapp")):
		return chatNote
	}
	return chatText
}

// oneOf tells whether a note is among words; with more, whether it begins so.
func oneOf(note string, words []string, more bool) bool {
	for _, w := range words {
		if note == w || more && strings.HasPrefix(note, w) {
			return true
		}
	}
	return false
}

func isMedia(plain []byte, note string, noted, marked bool) bool {
	if inner, ok := strings.CutPrefix(note, "<"); ok {
		if inner, ok = strings.CutSuffix(inner, ">"); ok && oneOf(inner, omitted, false) {
			return true
		}
	}
	short := plain[:min(len(plain), 300)]
	switch {
	case waFile.Match(short), attachNote.Match(short) && (noted || marked || bytes.HasPrefix(short, []byte("<"))):
		return true
	case attached.Match(short) && (noted || attachWord.Match(bytes.ToLower(short))):
		return true
	case marked: // exports mark lines of which a part is the app's own
		return (noted || bytes.ContainsAny(plain, "\u200e\u200f")) && !edited(plain)
	}
	return noted && iosOmitted.MatchString(note)
}

// edited tells a text with the app's note that it was edited: a mark and a note
// in angle brackets, without a name of a file.
func edited(plain []byte) bool {
	i := bytes.LastIndexByte(plain, '<')
	if i < 1 || !bytes.HasSuffix(bytes.TrimSpace(plain), []byte(">")) || bytes.IndexByte(plain[i:], ':') >= 0 {
		return false
	}
	before := string(plain[:i])
	return strings.HasSuffix(before, "\u200e") || strings.HasSuffix(before, "\u200f")
}

// groupAct is a note of the app that tells of a group.
type groupAct struct {
	is   *regexp.Regexp // with groups a (who did it), o (to whom), g (name of the group)
	what groupWhat
}

type groupWhat uint8

const (
	groupMade groupWhat = iota
	groupAdded
	groupLeft
	groupRemoved // o is no longer a member
	groupNamed
)

const quotes = `["“”„«»']+ ?`

// groupActs are these notes in the languages in which their words are safe to
// tell from one another.
var groupActs = []groupAct{
	{regexp.MustCompile(`^(?P<a>.+?) (?:created (?:the )?group|creó el grupo|a créé le groupe|ha creato il gruppo|criou o grupo|создал[а()-]* группу|створи(?:в|ла)[()а-яі-]* групу|membuat grup|vytvořila? skupinu|utworzyła? grupę) ` + quotes + `(?P<g>.+?) ?` + quotes + `$`), groupMade},
	{regexp.MustCompile(`^(?P<a>.+?) (?:hat|heeft|hast|hebt) (?:die |de )?(?:Gruppe|groep) ` + quotes + `(?P<g>.+?) ?` + quotes + ` (?:erstellt|gemaakt|aangemaakt)$`), groupMade},
	{regexp.MustCompile(`^(?P<a>.+?),? ` + quotes + `(?P<g>.+?)` + quotes + ` grubunu oluşturdu(?:nuz)?$`), groupMade},
	{regexp.MustCompile(`^(?P<a>.+?) (?:changed the (?:subject|group name) (?:from .+ )?to|cambió el (?:asunto|nombre del grupo) (?:de .+ )?a) ` + quotes + `(?P<g>.+?)` + quotes + `$`), groupNamed},
	{regexp.MustCompile(`^(?P<o>.+?) (?:was added|were added|joined using (?:this group's|a group|your) (?:invite )?link|wurde hinzugefügt|is toegevoegd|fue añadid[oa]|a été ajoutée?|è stat[oa] aggiunt[oa]|foi adicionad[oa])$`), groupAdded},
	{regexp.MustCompile(`^(?P<a>.+?) (?:added|añadió a|agregó a|a ajouté|ha aggiunto|adicionou|добавил[а()-]*|дода(?:в|ла)[()а-я-]*|menambahkan|přidala?|dodała?) (?P<o>.+)$`), groupAdded},
	{regexp.MustCompile(`^(?P<a>.+?) (?:hat|heeft) (?P<o>.+?) (?:hinzugefügt|toegevoegd)$`), groupAdded},
	{regexp.MustCompile(`^(?P<a>.+?) (?:left|hat die Gruppe verlassen|heeft de groep verlaten|salió del grupo|salió|a quitté le groupe|a quitté|est partie?|ha abbandonato(?: il gruppo)?|è uscit[oa]|saiu|вышел[()а-я-]*|покинул[()а-я-]* группу|keluar|opustila? skupinu|gruptan ayrıldı|opuściła? grupę)$`), groupLeft},
	{regexp.MustCompile(`^(?P<a>.+?) (?:removed|eliminó a|a retiré|ha rimosso|removeu|удалил[()а-]*|mengeluarkan) (?P<o>.+)$`), groupRemoved},
	{regexp.MustCompile(`^(?P<a>.+?) (?:hat|heeft) (?P<o>.+?) (?:entfernt|verwijderd)$`), groupRemoved},
}

// ownWords are how the app calls the owner of the phone, who has no name in a
// note.
var ownWords = []string{"you", "du", "sie", "je", "u", "tú", "usted", "vous", "tu", "você", "вы", "ви", "anda", "vy", "siz", "ty"}
