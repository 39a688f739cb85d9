"""Words of everyday English that are no sign of a name or a title by themselves."""

from __future__ import annotations

import re
from functools import lru_cache

_ENDINGS = ("s", "es", "ed", "d", "ing", "ly", "er", "r", "est", "st", "ers", "n", "y", "ish", "ness")
_AFTER_E = frozenset(("d", "r", "st", "n"))  # "love" -> "loved", but "for" is no stem of "ford"
FIGURES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text))


# Never a title or a name unless written like one: "it", "her", "the others".
CLOSED = _words(
    """
    i you he she it we they me him her us them my your his its our their mine yours hers ours theirs myself yourself
    this that these those who whom whose which what where when why how here there now then yes no not nor or and but
    if so as than too very just only even ever never also again all any both each either neither every few many more
    most much none one ones other others another some somebody someone something anybody anyone anything nobody
    nothing everybody everyone everything same such own enough less least little lot several a an the am is are was
    were be been being do does did done doing have has had having can could will would shall should may might must of
    in on at by for from to with without about into over under after before between up down out off through during
    against until till since because while though although like unlike near next first second third fourth fifth last
    two three four five six seven eight nine ten new old good bad best better worst great nice fine cool okay ok
    please pls plz thanks thx yet still already maybe perhaps anyway else instead rather quite really always often
    sometimes later soon today tonight tomorrow yesterday vs versus w
    """
)

# Written with a capital anyway, so the capital says nothing.
PROPER = _words(
    """
    africa african amazon america american april asia asian august berlin bollywood britain british china chinese
    christmas cinema dad daddy december disney dvd easter england english europe european february france french
    friday german germany god grandma grandpa halloween hbo hollywood hulu imdb india indian ireland italian italy
    january japan japanese july june korean london mama march may mom mommy monday mum mummy netflix november october
    oscar oscars papa paris prime rome russia russian saturday scotland september spain spanish sunday thanksgiving
    thursday tokyo tuesday tv valentine valentines wales wednesday xmas york youtube
    """
)

# What people call the items of any catalogue.
ITEMS = _words(
    "one ones thing things stuff title titles item items pick picks choice release releases hit hits cinema watch years"
    " movie movies flick flicks"
)

ORDINARY = (
    CLOSED
    | PROPER
    | _words(
        """
    erase erased export exported garlic medication medications max min
    able absolutely accept accident account ache across act acting action actor actress actual actually add adult
    adults adventure advice afraid afternoon afterwards age ago agree ahead air airport album aliens alive allergy
    alone along alternative amaze amazing amount amuse amusing ancient anger angry animal animals animate animation
    anime anniversary annoy answer anyhow anyways apart apartment apologize appear appreciate area arent argue arm
    army around arrange arrive art artist ask asleep assassin astronaut ate athlete atmosphere attack attention
    audience aunt author available average avoid awake away awesome awful awkward baby bachelor back background
    backpack backpacking bag ball ballet band bank bar base baseball based basic basically basis basketball bath
    bathroom battle beach bear beast beat beautiful beauty became become bed bedroom beer began begin beginner
    beginning begun behavior behind believe bell belong below bend benefit bent beside besides bet beyond bicycle
    big bigger biking bill biographical biography biopic bird birds birth birthday bit bite bitter black blame bland
    blanket bleach bled bless blind block blockbuster blood bloody blow blown blue board boat body bomb bond bone
    bones book boom boot border bore bored boring born borrow boss bother bottle bottom bought bounce bound box
    boxing boy boyfriend brain brainless brand brave bread break breakfast breath breathless bred bridge brief
    bright brilliant bring broke broken brother brothers brought brown brutal btw buddies buddy budget bug build
    built bullet bunch burn bus business busy button buy bye cafe cake call calm came camera camp camping cancel
    candle cant captain car card care career careful carnival carry cartoon case cash cast castle cat catch cats
    caught cause cave celebrate cell cemetery center central century ceremony certain chain chair challenge chance
    change channel chaos character charge charm chase chat cheap cheat check cheer cheerful cheerleader cheers
    cheese cheesy chef chemistry chess chick chicken chief child childhood childish children chill chilling
    chocolate choice choose chose chosen christian church cinematic circle circus city civil claim class classic
    classics classy clean clear clever click client climb clip clock close closer closet clothes cloud clown club
    clue coach coast coat code coffee cold colleague colleagues collect collection college color colorful colour
    colourful combat come comedian comedic comedies comfort comfortable comic comics command comment common
    community company compare competition complain complete complex computer computers con concept concern concert
    condition confidence confirm conflict confuse congress connect connection consider consumer contact contain
    content contest continue control conversation convince cook cop cops copy core corner corporate correct cos cost
    cosy couch couldnt count country countryside couple courage course court courtroom cousin cover cow cowboy
    cowboys cozy crack craft crash crazy create creature creep creepy crew crime criminal criminals cringe crisis
    critic critics crop cross crow crowd cruel cruise crush cry cult culture cup cure curious current cut cute cuz
    cyber cycle damage dance dancer danger dangerous dare dark darling date dating daughter day days dead deadly
    deal dealt dear death debt decade decent decide decision deep definite definitely degree delete deletion
    delicious delight deliver demand demon department depend depth describe desert deserve design desire desk
    despite destroy detail details detective develop device devil dialogue dialogues diamond diary didnt die diet
    differ difference different difficult dig dinner dinosaur direct direction director dirty disability disappear
    disappoint disaster discover discuss disease disgusting dislike distance disturb dive divide divorce doc doctor
    documentaries documentary doesnt dog dogs doll dollar dolor dont door dose double doubt downtown drag dragon
    dragons dramas drank draw drawn dream dreamer drew drink drive driven driver drop drove drug drugs drunk dry due
    dug dull dumb dunno dust duty dynasty dystopia dystopian ear early earn earth ease east easy eat eaten edge edgy
    edit educate effect effort egg election elegant elephant emotion emotional empire employ empty encounter end
    ending enemy energy engage engaging engine enjoy enjoyable enter entertain entertainment entire entirely entry
    environment epic epics episode equal era escape especially essential establish evening event eventually evidence
    evil exact exactly exam example excellent except exchange excite exciting excuse exhausted exist exotic expect
    expensive experience expert explain explore explosion explosions express extra extreme extremely eye eyes
    fabulous face fact factor fail fair fairly fairy faith fake fall false fame familiar families family famous fan
    fancy fantasies fantastic far fare farewell farm fashion fashioned fast faster fat fate father fault favor
    favorite favorites favour favourite fear feature feed feel feelgood feeling fell fellow felt female fever
    fiction fictional field fierce fight fighter fighting figure file fill film filmmaker films filth final finally
    find finish fire firm fish fit fix flash flat flatmate flaw flesh flew flick flight flirt float floor flow
    flower flown fly flying focus fog folks follow food fool foot football force foreign forest forever forgave
    forget forgive forgotten form former forth fortune forward fought frame franchise frank frankly free freedom
    freeze frequent fresh friend friends frog front froze frozen fruit fuck full fun fund funny furious further fury
    future futuristic gain game games gaming gang gangster garden gardening gas gate gather gay general generation
    genius genre genres gentle gentleman gentlemen gently get ghost ghosts giant gift girl girlfriend girls give
    given glad glass glory go goal goat gold golden gone gonna goodbye goofy gore gorgeous gory gossip got gotta
    gotten grab grace grade graduate grand grandmother grandparents granny graphic grass grave gray greed green
    greet greetings grew grey grief grip gripping gritty gross ground group grow grown guard guess guest guide guilt
    guilty gun guns guru guy guys habit hack hadnt haha hair half hall hand handle hands handsome handy hang happen
    happening happily happy hard hardly harm hasnt hat hate haunt haunting havent head headphones health hear heard
    heart heartbreak heartwarming heat heaven heavy heck heist held helicopter hell hello help helpful hence hero
    heroes heroine hes hey heya hi hid hidden hide high highly hike hilarious hill hint hints hire historic
    historical history hit hiya hm hmm hold hole holes holiday holidays holy home homesick honest honestly honey
    honeymoon honor honorable hook hope horn horrible horrify horse hospital host hostage hot hotel hour hours house
    household howdy hug huge human humans humor humour hundred hung hunger hungover hungry hunt hunter hurricane
    hurry hurt husband hype ice icon id idea ideal identical identity idiot idk ill illusion im image imagine
    immigrant imo impact important impossible impress improve incident include incredible indeed independent indie
    industry inner innocence innocent insane inside insider inspirational inspire inspiring instance instant
    instinct intelligent intense interest interested interesting internal international internet interview intrigue
    introduce invasion investigate invisible invite involve ipsum island isnt issue item ive jacket jail jealous jet
    job jobs join joke jokes journey joy judge juice jump jungle junior jury justice keep kept key kick kid kidding
    kidnap kids kill killer killers kind kinda king kingdom kiss kit kitchen knew knife knight knitting knock know
    known label lack lad ladies lads lady laid lain lake land landscape lane language large late latest laugh
    laughter launch law lawyer lawyers lay lazy lead leader leads league lean leap learn leave led left leg legacy
    legal legend lemme lend length lent lesson let lets letter level liberty library lie lied life lifestyle
    lifetime lift light lighter lighthearted likable liked likely limit line link lion lip list listen lists lit
    literally live lives living lmao load loan local lock logic lol lone loneliness lonely long longer look looking
    loose lord lorem lose loser loss lost loud love loved lovely lover lovers low loyal luck lucky lunch luxury mad
    made magic magical magician mail main mainstream major make male man manage manager map marathon mark market
    marriage married marry martial marvel mask mass massive master masterpiece match mate material mates matter mean
    means meant measure meat media medical medicine medieval medium meet meeting meh melancholic melancholy mellow
    member memory men mental mention mercy mere mess message met metal meter method middle midnight migraine mild
    military milk million mind mindless minds minor minute minutes miracle mirror misery miss missing mission
    mistake mistook mix mob mode model modern moment money monkey monster monsters month mood moody moon moral
    morning mother motion motivate motor mount mountain mountains mouse mouth move movement movie movies murder
    muscle museum music musician musicians mutual mysterious myth mythology nah nail naked name nanny narrative
    narrator narrow nasty nation national native natural nature naughty nearly neat necessary neck need needs
    negative neighbor neighbors neighbour neighbours nephew nerd nerdy nerve nervous net network news nicely niece
    night nightmare nights nineties noble noir noise nonfiction noon nope normal normally north nose nostalgia
    nostalgic note notebook notice novel novels nowhere nudity number numbers nurse nut nuts object obscure obsess
    obvious obviously occasion ocean odd offer office officer official oil oldie oldies omg once ooh open opera
    opinion opponent opportunity opposite option options oral orange order ordinary original orphan outdoors outer
    outfit outline outside overall overcame overrated owe owner pace pack page paid pain paint painter pair pal
    palace pals pan panic paper parent parents park parody part partner party pass passenger passengers passion
    passionate past path patience patient pattern pause pay peace peaceful peak pen people per perfect perfectly
    perform performance period person personal personality pet phase philosophical philosophy phone photo physical
    piano pick picture piece pig pills pilot pink pirate pirates piss pit pitch pixar pizza place plain plan plane
    planet plans plant plastic plate play player plays pleasant pleasure plenty plot plots pls plus plz pocket poem
    poet poetry point poison poker police policy politic political politics pool poor pop popcorn popular porn
    portrait position positive possess possible possibly post pretty pot pound power powerful practical practice
    pray precious predictable prefer preferably pregnancy pregnant prepare prequel presence present president press
    pressure prevent previous previously price pride priest prince princess princesses principal print prison
    prisoner prisoners private prize probably problem process produce producer product production profession
    professional professor profile program progress project prom promise promote proof proper properly property
    prophet proposal protect proud prove proved provide psychic psychological psychology psychotic public pull pulse
    pump punch punish punk pure purge purpose pursue push put puzzle quality queen quest question quick quickly
    quiet quietly quirky quit quote r race racing radio rage rain rainy raise ran random rang range rank rapid rare
    rarely rate rated rating raw reach react read reader ready real realism realistic reality realize reason recall
    receive recent recently recognize recommend recommendation record recruit red redo refer reference reflect
    refreshing refuse regard region regret regular reincarnation relate relation relationship relax release relevant
    relief religion religious rely remain remake remember remind remote remove rent repeat replace reply report
    represent request requests require rescue research reserve resist respect respond response rest restaurant
    restless result retire return reunion reveal revenge review reviews revolution reward rewatch rewatched rich rid
    ridden riddle ride ridiculous right ring rise risen risk ritual river road roads robot robots rock rocket rode
    role roles roll rom romance romantic romcom room roommates root rope rose rough round route routine row royal
    rubbish ruin rule rules run runner running rural rush sad safe safety said sail sailor sale sand sang sank sappy
    sarcastic sat satire satisfy sauce save saw say scale scandal scare scared scary scene scenery scenes scenic
    schedule scheme scholar school science scientist score scores scream screen screening screw script sea search
    seaside season seat secret secretary section secure see seek seem seen select self sell send senior sense
    sensitive sentence sentimental separate sequel sequels series serious seriously serve service session set
    setting settle seventies severe sewn sex sexual sexy shadow shake shaken shallow shame shape share shark sharks
    sharp shaved sheep shelf shell shelter shes shift shine ship shirt shit shock shoe shoes shone shook shoot
    shooter shop shopping short shorts shot shoulder shouldnt shout show shower shown shrank shut shy sibling
    siblings sick side sidekick sigh sight sign signal signs silence silent silly silver similar simple simply sin
    sing singer single sister sisters sit site situation sixties size skate skating skiing skill skin skip sky slap
    slapstick slasher slave slavery sleep sleeper sleepover sleepy slept slice slid slide slight slightly slow
    slowly slung small smart smash smell smile smoke smooth smth snake snakes snatch snow soap soccer social society
    sociopath soft sold soldier soldiers solid solve somewhat somewhere son song songs sophisticated sorry sort
    sorta sought soul sound sounds soundtrack source south space spacecraft spaceship spaceships spare spark spat
    speak special species specific speech speed spell spend spent spider spies spike spin spirit spiritual splash
    split spoil spoiler spoke spoken sponsor spoof spooky spoon sport spot spread spring spun spy squad square
    stable staff stage stand standard stank star stare stars start state statement station status stay steady steal
    steam steamy step stepmom sth stick sting stock stolen stomach stone stood stop store storm story storyline
    storytelling straight strange stranger strangers strategic strategy stream street streets strength stress
    stressed stretch strict strike string strip strode strong strove struck struggle stuck student studio study
    stuff stun stung stunning stupid style stylish sub subject submarine submarines subtitle subtitles suburb
    suburbs succeed success sudden suddenly suffer sugar suggest suggestion suicide suit suitable summarise
    summarize summary summer sun sunny sunshine super superb superhero superheroes supernatural supper support
    suppose supposed supposedly sure surely surf surfing surprise surprising surreal surround survival survive
    survivor suspect suspense swallow swallowed swam swearing sweet swelling swept swim swing switch sword swore
    sworn swung symbol system table tail take taken tale talent tales talk tall tank tap tape target task taste
    tattoo taught tax taxi tbh tea teach teacher team tear tearjerker tearjerkers tears technical technology teen
    teenage teenager teenagers teens telepathic tell temple tempt tend tender tennis tense tension term terminal
    terms terrible terrific terrify territory terror terrorist test text thank thats theater theatre theme themes
    theory therapist therapy theres theyre theyve thick thin thing things think thirst thirteen thirty tho thought
    thoughtful thoughts threat threaten threw thrill thrilled thrilling throat throne throughout throw thrown
    thunder thus thx ticket tie tiger tight til time timeless times tiny tip tired title toast toddler together
    toilet told tone tongue took tool tooth top topic torn tornado torture total totally touch tough tour tourism
    tourist toward town toy track tracks trade tradition traditional traffic tragedy tragic trail trailer train
    training trains trap trash trauma travel traveler treasure treat tree trees trek trend trial tribe tribute trick
    tricks trilogy trip trod tropical trouble truck trucks true truly trust truth try tsunami tune tunnel turn tutor
    twelve twenty twice twin twins twist twisted twists ty type typical u ugh ugly uh ultimate um unable uncle
    uncomfortable undead underdog underground underrated understand understated understood underwater undo
    unexpected unforgettable unfortunately unhappy unicorn uninvited unique unit universe university unknown unless
    unlikely unmark unusual upbeat upheld uplift upon upset upside ur urban urge usual usually vacation valley
    valuable value vampire vampires van variety various vast vegan vegetarian vehicle version vet veteran vibe vibes
    victim victory video view viewer viewers viking village villain vintage violence violent virgin virus visit
    visitor visual visuals voice voices volcano volume vomit vote wait waitress wake walk wall wander wanna want
    wanted war warm warn warrior wash wasnt waste watch watcher watchlist water waterproof wave way ways weak wealth
    wealthy weapon wear weather web wedding week weekend weeks weight weird welcome well went werent werewolf
    werewolves west wet weve whale whatever whats wheel whenever wherever whether whip white whodunit whodunits
    whole wholesome wicked wide wife wild wilderness wildlife willing win wind window wine wing winner winter wired
    wise wish wit witch witches withdrew within witness witty wizard woke wolf wolves woman women won wonder
    wonderful wont wood woodland woods word words wore work worker workout workplace world worlds worry worse worth
    wouldnt wound wow wrap wreck wrestle wrestler wrestling write writer writing written wrong wrote wrung ya yard
    yea yeah year years yell yellow yep young youre youth youthful youve yup zero zombie zombies zone
    """
    )
)


_SHORT = re.compile(r"[^aeiou][aeiou][^aeiouwxy]")  # words whose last letter is doubled before "y"


@lru_cache(maxsize=65536)
def is_ordinary(word: str) -> bool:
    """Whether everyday English has the word (lower case), or a common form of it such as the plural."""
    return (
        word in ORDINARY or word.isdigit() or any(_stem(word, ending) for ending in _ENDINGS if word.endswith(ending))
    )


def _stem(word: str, ending: str) -> bool:
    stem = word[: -len(ending)]
    if len(stem) < 2 or (ending in _AFTER_E and stem[-1] != "e") or (ending[0] == stem[-1] == "e"):  # "rateed"
        return False
    undoubled = stem[:-1] if stem[-1] == stem[-2] and ending[0] in "eiy" else stem  # "dropped", but not "lipps"
    if ending == "y" and _SHORT.fullmatch(stem):
        return stem + "e" in ORDINARY  # "wavy", but not "funy": the letter is doubled
    return not ORDINARY.isdisjoint((stem, undoubled, stem + "e", stem[:-1] + "y" if stem[-1] == "i" else stem))
