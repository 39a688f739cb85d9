"""Words of everyday English that are no sign of a name or a title by themselves."""

from __future__ import annotations

import re
from functools import lru_cache

_ENDINGS = ("s", "es", "ed", "d", "ing", "ly", "er", "r", "est", "st", "ers", "n", "y", "ish", "ness")


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
    please thanks yet still already maybe perhaps anyway else instead rather quite really pretty always often
    sometimes later soon today tonight tomorrow yesterday
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

ORDINARY = (
    CLOSED
    | PROPER
    | _words(
        """
    able absolutely accept accident account across act acting action actor actress actual actually add adult adults
    adventure advice afraid afternoon afterwards age ago agree ahead air airport album aliens alive alone along
    alternative amaze amazing amount amuse amusing ancient anger angry animal animals animate animation anime
    anniversary annoy answer anyhow anyways apart apartment apologize appear appreciate area arent argue arm army
    around arrange arrive art artist ask asleep assassin astronaut athlete atmosphere attack attention aunt author
    available average avoid awake away awesome awful awkward baby bachelor back background backpack backpacking bag
    ball ballet band bank bar base baseball based basic basically basis basketball bath bathroom battle beach bear
    beast beat beautiful beauty become bed bedroom beer begin beginner beginning behavior behind believe bell belong
    below bend benefit beside besides bet beyond bicycle big bigger biking bill biographical biography biopic bird
    birds birth birthday bit bite bitter black blame bland blanket bless blind block blockbuster blood bloody blow
    blue board boat body bomb bond bone bones book boom boot border bore bored boring born borrow boss bother bottle
    bottom bounce bound box boxing boy boyfriend brain brainless brand brave bread break breakfast breath breathless
    bridge brief bright brilliant bring broke brother brothers brown brutal btw budget bug build bullet bunch burn bus
    business busy button buy bye cafe cake call calm camera camp camping cancel candle cant captain car card care
    career careful carnival carry cartoon case cash cast castle cat catch cats cause cave celebrate cell cemetery
    center central century ceremony certain chain chair challenge chance change channel chaos character charge charm
    chase chat cheap cheat check cheer cheerful cheerleader cheers cheese cheesy chef chemistry chess chick chicken
    chief child childhood childish children chill chilling chocolate choice choose chosen christian church cinematic
    circle circus city civil claim class classic classics classy clean clear clever click client climb clip clock
    close closer closet clothes cloud clown club clue coach coast coat code coffee cold collect collection college
    color colorful colour colourful combat come comedian comedic comedies comfort comfortable comic comics command
    comment common community company compare competition complain complete complex computer computers con concept
    concern concert condition confidence confirm conflict confuse congress connect connection consider consumer
    contact contain content contest continue control conversation convince cook cop cops copy core corner corporate
    correct cos cost cosy couch couldnt count country countryside couple courage course court courtroom cousin cover
    cow cowboy cowboys cozy crack craft crash crazy create creature creep creepy crew crime criminal criminals cringe
    crisis critic critics crop cross crow crowd cruel cruise crush cry cult culture cup cure curious current cut cute
    cuz cyber cycle damage dance dancer danger dangerous dare dark darling date dating daughter day days dead deadly
    deal dear death debt decade decent decide decision deep definite definitely degree delicious delight deliver
    demand demon department depend depth describe desert deserve design desire desk despite destroy detail detective
    develop device devil dialogue dialogues diamond diary didnt die diet differ difference different difficult dig
    dinner dinosaur direct direction director dirty disability disappear disappoint disaster discover discuss disease
    disgusting dislike distance disturb dive divide divorce doc doctor documentaries documentary doesnt dog dogs doll
    dollar dont door double doubt downtown drag dragon dragons dramas draw dream dreamer drink drive driver drop drug
    drugs drunk dry due dull dumb dunno dust duty dynasty dystopia dystopian ear early earn earth ease east easy eat
    edge edgy edit educate effect effort egg election elegant elephant emotion emotional empire employ empty encounter
    end ending enemy energy engage engaging engine enjoy enjoyable enter entertain entertainment entire entirely entry
    environment epic epics episode equal era escape especially essential establish evening event eventually evidence
    evil exact exactly exam example excellent except exchange excite exciting excuse exist exotic expect expensive
    experience expert explain explore explosion explosions express extra extreme extremely eye eyes fabulous face fact
    factor fail fair fairly fairy faith fake fall false fame familiar families family famous fan fancy fantasies
    fantastic far fare farm fashion fashioned fast faster fat fate father fault favor favorite favorites favour
    favourite fear feature feed feel feelgood feeling fellow female fever fiction fictional field fierce fight fighter
    fighting figure file fill filmmaker filth final finally find finish fire firm fish fit fix flash flat flaw flesh
    flick flight flirt float floor flow flower fly flying focus fog follow food fool foot football force foreign
    forest forever forget forgive form former forth fortune forward frame franchise frank frankly free freedom freeze
    frequent fresh friend friends frog front frozen fruit fuck full fun fund funny furious further fury future
    futuristic gain game games gaming gang gangster garden gardening gas gate gather gay general generation genius
    genre genres gentle gentleman gentlemen get ghost ghosts giant gift girl girlfriend girls give glad glass glory go
    goal goat gold golden gone gonna goodbye goofy gore gorgeous gory gossip gotta grab grace grade graduate grand
    grandmother grandparents granny graphic grass grave gray greed green greet greetings grey grief grip gripping
    gritty gross ground group grow grown guard guess guest guide guilt guilty gun guns guru guy guys habit hack hadnt
    haha hair half hall hand handle hands handsome handy hang happen happening happily happy hard hardly harm hasnt
    hat hate haunt haunting havent head headphones health hear heart heartbreak heartwarming heat heaven heavy heck
    heist helicopter hell hello help helpful hence hero heroes heroine hes hey heya hi hidden hide high highly hike
    hilarious hill hint hire historic historical history hit hiya hm hmm hold hole holes holiday holidays holy home
    homesick honest honestly honey honeymoon honor honorable hook hope horn horrible horrify horse hospital host
    hostage hot hotel hour hours house household howdy hug huge human humans humor humour hundred hunger hungover
    hungry hunt hunter hurricane hurry hurt husband ice icon id idea ideal identical identity idiot idk ill illusion
    im image imagine immigrant imo impact important impossible impress improve incident include incredible indeed
    independent indie industry inner innocence innocent insane inside insider inspirational inspire inspiring instance
    instant instinct intelligent intense interest interested interesting internal international internet interview
    intrigue introduce invasion investigate invisible invite involve island isnt issue item ive jacket jail jealous
    jet job jobs join joke jokes journey joy judge juice jump jungle junior jury justice keep key kick kid kidding
    kidnap kids kill killer killers kind kinda king kingdom kiss kit kitchen knife knight knitting knock know known
    label lack lad ladies lady lake land landscape lane language large late latest laugh laughter launch law lawyer
    lawyers lay lazy lead leader leads league lean leap learn leave left leg legacy legal legend lemme lend length
    lesson let lets letter level liberty library lie life lifestyle lifetime lift light lighter lighthearted likable
    likely limit line link lion lip list listen literally live lives living lmao load loan local lock logic lol lone
    loneliness lonely long longer look looking loose lord lose loser loss lost loud love loved lovely lover lovers low
    loyal luck lucky lunch luxury mad magic magical magician mail main mainstream major make male man manage manager
    map marathon mark market marriage married marry martial marvel mask mass massive master masterpiece match mate
    material matter mean means meant measure meat media medical medicine medieval medium meet meeting meh melancholic
    melancholy member memory men mental mention mercy mere mess message metal meter method middle midnight migraine
    mild military milk million mind mindless minds minor minute minutes miracle mirror misery miss missing mission
    mistake mix mob mode model modern moment money monkey monster monsters month mood moody moon moral morning mother
    motion motivate motor mount mountain mountains mouse mouth move movement movie movies murder muscle museum music
    musician musicians mutual mysterious myth mythology nah nail naked name nanny narrative narrator narrow nasty
    nation national native natural nature naughty nearly neat necessary neck need needs negative neighbor neighbors
    neighbour nephew nerd nerdy nerve nervous net network news nicely niece night nightmare nights nineties noble noir
    noise nonfiction noon nope normal normally north nose nostalgia nostalgic note notebook notice novel novels
    nowhere nudity number numbers nurse nut nuts object obscure obsess obvious obviously occasion ocean odd offer
    office officer official oil oldie oldies omg once ooh open opera opinion opponent opportunity opposite option
    options oral orange order ordinary original orphan outdoors outer outfit outline outside overall overrated owe
    owner pace pack page pain paint painter pair palace pan panic paper parent parents park parody part partner party
    pass passenger passengers passion passionate past path patience patient pattern pause pay peace peak pen people
    per perfect perfectly perform performance period person personal personality pet phase philosophical philosophy
    phone photo physical piano pick picture piece pig pilot pink pirate pirates piss pit pitch pixar pizza place plain
    plan plane planet plans plant plastic plate play player plays pleasant pleasure plenty plot plots pls plus plz
    pocket poem poet poetry point poison poker police policy politic political politics pool poor pop popcorn popular
    porn portrait position positive possess possible possibly post pot pound power powerful practical practice pray
    precious predictable prefer preferably pregnancy pregnant prepare prequel presence present president press
    pressure prevent previous previously price pride priest prince princess princesses principal print prison prisoner
    prisoners private prize probably problem process produce producer product production profession professional
    professor profile program progress project prom promise promote proof proper properly property prophet proposal
    protect proud prove provide psychic psychological psychology psychotic public pull pulse pump punch punish punk
    pure purge purpose pursue push put puzzle quality queen quest question quick quickly quiet quirky quit quote r
    race racing radio rage rain rainy raise random range rank rapid rare rarely rate rated rating raw reach react read
    reader ready real realism realistic reality realize reason recall receive recent recently recognize recommend
    recommendation record recruit red refer reference reflect refreshing refuse regard region regret regular
    reincarnation relate relation relationship relax release relevant relief religion religious rely remain remake
    remember remind remote remove rent repeat replace reply report represent require rescue research reserve resist
    respect respond response rest restaurant result retire return reunion reveal revenge review reviews revolution
    reward rewatch rewatched rich riddle ride ridiculous right ring rise risk ritual river road roads robot robots
    rock rocket role roll rom romance romantic romcom room root rope rough round route routine row royal rubbish ruin
    rule rules run runner running rural rush sad safe safety said sail sailor sale sand sappy sarcastic satire
    satisfy sauce save saw say scale scandal scare scared scary scene scenery scenes scenic schedule scheme scholar
    school science scientist score scream screen screening screw script sea search seaside season seat secret
    secretary section secure see seek seem seen select self sell send senior sense sensitive sentence sentimental
    separate sequel sequels series serious seriously serve service session set setting settle seventies severe sex
    sexual sexy shadow shake shallow shame shape share shark sharks sharp sheep shelf shell shelter shes shift shine
    ship shirt shit shock shoe shoes shoot shooter shop shopping short shorts shot shoulder shouldnt shout show shower
    shut shy sibling siblings sick side sidekick sigh sight sign signal signs silence silent silly silver similar
    simple simply sin sing singer single sister sisters sit site situation sixties size skate skating skiing skill
    skin skip sky slap slapstick slasher slave slavery sleep sleeper sleepover sleepy slice slide slight slightly slow
    slowly small smart smash smell smile smoke smooth smth snake snakes snatch snow soap soccer social society
    sociopath soft soldier soldiers solid solve somewhat somewhere son song songs sophisticated sorry sort sorta soul
    sound sounds soundtrack source south space spacecraft spaceship spaceships spare spark speak special species
    specific speech speed spell spend spider spies spike spin spirit spiritual splash split spoil spoiler sponsor
    spoof spooky spoon sport spot spread spring spy squad square stable staff stage stand standard star stare stars
    start state statement station status stay steady steal steam steamy step stepmom sth stick stock stomach stone
    stop store storm story storyline storytelling straight strange stranger strangers strategic strategy stream street
    streets strength stress stressed stretch strict strike string strip strong struggle stuck student studio study
    stuff stun stunning stupid style stylish sub subject submarine submarines subtitle subtitles suburb suburbs
    succeed success sudden suddenly suffer sugar suggest suggestion suicide suit suitable summer sun sunny sunshine
    super superb superhero superheroes supernatural supper support suppose supposed supposedly sure surely surf
    surfing surprise surprising surreal surround survival survive survivor suspect suspense swearing sweet swim swing
    switch sword symbol system table tail take tale talent tales talk tall tank tap tape target task taste tattoo tax
    taxi tbh tea teach teacher team tear tearjerker tearjerkers tears technical technology teen teenage teenager
    teenagers teens telepathic tell temple tempt tend tender tennis tense tension term terminal terms terrible
    terrific terrify territory terror terrorist test text thank thats theater theatre theme themes theory therapist
    therapy theres theyre theyve thick thin thing things think thirst thirteen thirty tho thought thoughtful thoughts
    threat threaten thrill thrilled thrilling throat throne throughout throw thunder thus thx ticket tie tiger tight
    til time timeless times tiny tip tired title toast toddler together toilet tone tongue tool tooth top topic
    tornado torture total totally touch tough tour tourism tourist toward town toy track tracks trade tradition
    traditional traffic tragedy tragic trail trailer train training trains trap trash trauma travel traveler treasure
    treat tree trees trek trend trial tribe tribute trick tricks trilogy trip tropical trouble truck trucks true truly
    trust truth try tsunami tune tunnel turn tutor twelve twenty twice twin twins twist twisted twists ty type typical
    u ugh ugly uh ultimate um unable uncle uncomfortable undead underdog underground underrated understand understated
    underwater unexpected unforgettable unfortunately unhappy unicorn uninvited unique unit universe university
    unknown unless unlikely unusual upbeat uplift upon upset upside ur urban urge usual usually vacation valley
    valuable value vampire vampires van variety various vast vegan vegetarian vehicle version vet veteran vibe vibes
    victim victory video view viking village villain vintage violence violent virgin virus visit visitor visual
    visuals voice voices volcano volume vote wait waitress wake walk wall wander wanna want wanted war warm warn
    warrior wash wasnt waste watch water waterproof wave way ways weak wealth wealthy weapon wear weather web wedding
    week weekend weeks weight weird welcome well werent werewolf werewolves west wet weve whale whatever whats wheel
    whenever wherever whether whip white whodunit whodunits whole wholesome wicked wide wife wild wilderness wildlife
    willing win wind window wine wing winner winter wise wish wit witch witches within witness witty wizard wolf
    wolves woman women wonder wonderful wont wood woodland woods word words work worker workout workplace world worlds
    worry worse worth wouldnt wound wow wrap wreck wrestle wrestler wrestling write writer writing wrong ya yard yea
    yeah year years yell yellow yep young youre youth youthful youve yup zero zombie zombies zone
    """
    )
)


@lru_cache(maxsize=65536)
def is_ordinary(word: str) -> bool:
    """Whether everyday English has the word (lower case), or a common form of it such as the plural."""
    return (
        word in ORDINARY or word.isdigit() or any(_stem(word, ending) for ending in _ENDINGS if word.endswith(ending))
    )


def _stem(word: str, ending: str) -> bool:
    stem = word[: -len(ending)]
    if len(stem) < 2:
        return False
    undoubled = stem[:-1] if stem[-1] == stem[-2] else stem
    return not ORDINARY.isdisjoint((stem, undoubled, stem + "e", stem[:-1] + "y" if stem[-1] == "i" else stem))
